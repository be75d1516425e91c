//! A cursor over a tree that also tells what tree-sitter's own query engine asks of a node.

use tree_sitter::{Node, Tree, ffi};

unsafe extern "C" {
    /// Not in tree-sitter's public header, and what its own query engine asks: the crate's version is pinned for it. Its last answer about
    /// fields is the grammar's, not the tree's, and decides which children a field can match.
    fn ts_tree_cursor_current_status(
        cursor: *const ffi::TSTreeCursor,
        field: *mut u16,
        has_later_siblings: *mut bool,
        has_later_named_siblings: *mut bool,
        can_have_later_siblings_with_this_field: *mut bool,
        supertypes: *mut u16,
        supertype_count: *mut u32,
    );
}

/// A cursor of tree-sitter that may be asked for the status of its node.
pub(super) struct Cursor<'t> {
    raw: ffi::TSTreeCursor,
    tree: std::marker::PhantomData<&'t Tree>,
}

/// A child of a node in hand.
#[derive(Clone, Copy)]
pub(super) struct Child<'t> {
    pub(super) node: Node<'t>,
    pub(super) kind: u16,
    pub(super) is_named: bool,
    pub(super) field: u16,
    pub(super) is_followed: bool,
    pub(super) is_followed_by_named: bool,
    /// Can a later child have the same field, as far as the grammar knows?
    pub(super) field_can_follow: bool,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(node: Node<'t>) -> Self {
        // SAFETY: the node is of a tree that outlives the cursor by its lifetime.
        Cursor {
            raw: unsafe { ffi::ts_tree_cursor_new(node.into_raw()) },
            tree: std::marker::PhantomData,
        }
    }

    pub(super) fn node(&self) -> Node<'t> {
        // SAFETY: the cursor is valid, and so is the node it stands on, for as long as the tree.
        unsafe { Node::from_raw(ffi::ts_tree_cursor_current_node(&raw const self.raw)) }
    }

    pub(super) fn reset(&mut self, node: Node<'t>) {
        // SAFETY: as for `new`.
        unsafe { ffi::ts_tree_cursor_reset(&raw mut self.raw, node.into_raw()) }
    }

    pub(super) fn first_child(&mut self) -> bool {
        // SAFETY: the cursor is valid.
        unsafe { ffi::ts_tree_cursor_goto_first_child(&raw mut self.raw) }
    }

    pub(super) fn next_sibling(&mut self) -> bool {
        // SAFETY: the cursor is valid.
        unsafe { ffi::ts_tree_cursor_goto_next_sibling(&raw mut self.raw) }
    }

    pub(super) fn parent(&mut self) -> bool {
        // SAFETY: the cursor is valid.
        unsafe { ffi::ts_tree_cursor_goto_parent(&raw mut self.raw) }
    }

    /// The node the cursor stands on; it must have been reached from above.
    pub(super) fn child(&self) -> Child<'t> {
        let node = self.node();
        let mut child = Child {
            node,
            kind: node.kind_id(),
            is_named: node.is_named(),
            field: 0,
            is_followed: false,
            is_followed_by_named: false,
            field_can_follow: false,
        };
        let mut supertypes = [0_u16; 8];
        let mut count = 8_u32;
        // SAFETY: the signature is that of `tree_cursor.h` of the pinned version; every pointer is to a live value, and `count` is the
        // length of `supertypes`.
        unsafe {
            ts_tree_cursor_current_status(
                &raw const self.raw,
                &raw mut child.field,
                &raw mut child.is_followed,
                &raw mut child.is_followed_by_named,
                &raw mut child.field_can_follow,
                supertypes.as_mut_ptr(),
                &raw mut count,
            );
        }
        child
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the cursor is valid and not used again.
        unsafe { ffi::ts_tree_cursor_delete(&raw mut self.raw) }
    }
}
