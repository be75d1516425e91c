//! The operations of a pattern, put together from its tree.

use super::{Group, Mode, NONE};
use crate::byte_set::ByteSet;

#[derive(Clone, Debug)]
pub(super) enum Node {
    /// One character, by its first byte: all outside ASCII that begin alike are in a set or not.
    One(ByteSet),
    Row(Vec<Node>),
    Either(Vec<Node>),
    Named(Group, Box<Node>),
    Repeat(Box<Node>, usize, usize, Mode),
    Start,
    Stop,
    Border,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    One(ByteSet),
    /// One set, again and again. The last: what may come next (all, where that is not known).
    Run(ByteSet, usize, usize, Mode, ByteSet),
    /// Try the first, then the second.
    Split(usize, usize),
    Jump(usize),
    Open(Group),
    Close(Group),
    Start,
    Stop,
    Border,
    Done,
}

/// What a match may go on with from an operation; all, where it may end.
pub(super) fn next_of(ops: &[Op], from: usize) -> ByteSet {
    let mut set = ByteSet::default();
    let mut seen = vec![false; ops.len()];
    let mut open = vec![from];
    while let Some(op) = open.pop() {
        if std::mem::replace(&mut seen[op], true) {
            continue;
        }
        match &ops[op] {
            Op::One(one) => set = set.or(*one),
            Op::Run(one, low, ..) => {
                set = set.or(*one);
                if *low == 0 {
                    open.push(op + 1);
                }
            }
            Op::Split(first, second) => open.extend([*first, *second]),
            Op::Jump(to) => open.push(*to),
            Op::Open(_) | Op::Close(_) | Op::Start | Op::Border => open.push(op + 1),
            Op::Stop | Op::Done => return ByteSet::ALL,
        }
    }
    set
}

fn may_be_empty(node: &Node) -> bool {
    match node {
        Node::One(_) => false,
        Node::Row(nodes) => nodes.iter().all(may_be_empty),
        Node::Either(nodes) => nodes.iter().any(may_be_empty),
        Node::Named(_, node) => may_be_empty(node),
        Node::Repeat(node, low, ..) => *low == 0 || may_be_empty(node),
        Node::Start | Node::Stop | Node::Border => true,
    }
}

pub(super) fn emit(node: &Node, ops: &mut Vec<Op>) -> Result<(), String> {
    match node {
        Node::One(set) => ops.push(Op::One(*set)),
        Node::Row(nodes) => nodes.iter().try_for_each(|node| emit(node, ops))?,
        Node::Either(nodes) => {
            let mut ends = Vec::new();
            for (i, node) in nodes.iter().enumerate() {
                let split = ops.len();
                if i + 1 < nodes.len() {
                    ops.push(Op::Split(split + 1, 0));
                }
                emit(node, ops)?;
                if i + 1 < nodes.len() {
                    ends.push(ops.len());
                    ops.push(Op::Jump(0));
                    ops[split] = Op::Split(split + 1, ops.len());
                }
            }
            let end = ops.len();
            ends.into_iter().for_each(|jump| ops[jump] = Op::Jump(end));
        }
        Node::Named(group, node) => {
            ops.push(Op::Open(*group));
            emit(node, ops)?;
            ops.push(Op::Close(*group));
        }
        Node::Repeat(node, low, high, mode) => match node.as_ref() {
            Node::One(set) => ops.push(Op::Run(*set, *low, *high, *mode, ByteSet::ALL)),
            _ if *mode == Mode::Possessive => {
                return Err("a possessive repeat of more than a class".into());
            }
            _ if may_be_empty(node) => return Err("a repeat of what may be empty".into()),
            _ => {
                (0..*low).try_for_each(|_| emit(node, ops))?;
                let lazy = *mode == Mode::Lazy;
                let mut splits = Vec::new();
                let endless = *high == NONE;
                for _ in *low..if endless { low + 1 } else { *high } {
                    splits.push(ops.len());
                    ops.push(Op::Jump(0));
                    emit(node, ops)?;
                    if endless {
                        ops.push(Op::Jump(splits[0]));
                    }
                }
                let end = ops.len();
                for split in splits {
                    ops[split] = if lazy {
                        Op::Split(end, split + 1)
                    } else {
                        Op::Split(split + 1, end)
                    };
                }
            }
        },
        Node::Start => ops.push(Op::Start),
        Node::Stop => ops.push(Op::Stop),
        Node::Border => ops.push(Op::Border),
    }
    Ok(())
}
