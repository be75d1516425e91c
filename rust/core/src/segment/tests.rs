//! What Python cannot reach: every kernel of this machine, and the reader and the scans on bytes that lie. Miri takes as long for a few rows as a
//! processor for millions, so it gets few; every branch and every kind of row is among them.

use super::dense::kernels;
use super::file::{checksum, read};
use super::*;
use crate::candidates::{Asked, Names, match_names};

/// Xorshift: the same numbers each time, without a crate.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }
}

/// A card of a file with two symbols, as the twin writes it.
fn card(draw: &mut Draw, n: u32) -> Vec<u8> {
    let (ends, terms) = ([1, 3], [1, 2, 3 + n]);
    let text = b"src/a.rspythona\nrs\nOne\ntwo.three\n";
    let mut words = vec![draw.below(64) as u32, 8, 6, 5, 14, 2, 3];
    words.extend([0; 5]);
    words.extend(ends);
    words.extend(terms);
    let mut all: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    all.extend(text);
    all.resize(all.len().next_multiple_of(4), 0);
    all
}

/// A text of a symbol `f` in an `A`, as the twin writes it.
fn text_of(text: &str) -> Vec<u8> {
    let mut body: Vec<u8> = [0u32, 1, 1].iter().flat_map(|w| w.to_le_bytes()).collect();
    body.extend(b"fA");
    body.extend(text.as_bytes());
    let mut all = crc32fast::hash(&body).to_le_bytes().to_vec();
    all.extend(body);
    all
}

fn sample(draw: &mut Draw, first: i64, dim: usize) -> Part {
    let files: Vec<i64> = (first..first + 3).collect();
    let n = 12;
    let ids: Vec<i64> = (0..n as i64).map(|i| first * 100 + i).collect();
    let hits: Vec<i64> = ids.iter().map(|_| draw.below(5) as i64).collect();
    let mut chunk_files: Vec<i64> = ids.iter().map(|_| files[draw.below(3)]).collect();
    chunk_files.sort_unstable();
    let kinds: Vec<&str> = ids
        .iter()
        .map(|_| ["code", "section"][draw.below(2)])
        .collect();
    let (mut term_start, mut terms) = (vec![0], Vec::new());
    for _ in &ids {
        terms.extend((0..9u32).filter(|_| draw.below(3) == 0));
        term_start.push(terms.len() as i64);
    }
    let impacts: Vec<u8> = terms.iter().map(|_| draw.below(255) as u8 + 1).collect();
    let (name_start, name_terms) = ([0, 2, 3, 5], [1, 7, 3, 2, 7]);
    let rows: Vec<i8> = (0..n * dim).map(|_| draw.next() as i8).collect();
    let scales: Vec<f32> = (0..n).map(|_| draw.below(100) as f32 / 1000.0).collect();
    let vectors = vec![Named {
        name: "static".to_owned(),
        dim,
        rows: &rows,
        scales: &scales,
    }];
    let cards: Vec<Vec<u8>> = (0..3).map(|n| card(draw, n)).collect();
    let cards: Vec<&[u8]> = cards.iter().map(Vec::as_slice).collect();
    let places: Vec<u32> = (0..4 * n as u32).collect();
    let texts: Vec<Vec<u8>> = (0..n).map(|i| text_of(&"text ".repeat(i))).collect();
    let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    let rows = Rows {
        ids: &ids,
        hits: &hits,
        chunk_files: &chunk_files,
        kinds: &kinds,
        term_start: &term_start,
        terms: &terms,
        impacts: &impacts,
        files: &files,
        name_start: &name_start,
        name_terms: &name_terms,
        cards: &cards,
        places: &places,
        texts: &texts,
        vectors,
    };
    build(&rows).unwrap()
}

/// A file as the twin writes it.
fn filed(body: &[u8], checked: usize, layout: &[Described], kinds: &[String]) -> Vec<u8> {
    let arrays: serde_json::Map<String, serde_json::Value> = layout
        .iter()
        .map(|(name, kind, shape, offset)| (name.clone(), serde_json::json!([kind, shape, offset])))
        .collect();
    let meta = serde_json::json!({"format": FORMAT, "name": "a.part", "kinds": kinds, "arrays": arrays, "checked": checked, "bytes": body.len()});
    let mut header = meta.to_string().into_bytes();
    header.resize((24 + header.len()).next_multiple_of(64) - 24, b' ');
    let mut all = MAGIC.to_vec();
    all.extend((header.len() as u64).to_le_bytes());
    all.extend(crc32fast::hash(&header).to_le_bytes());
    all.extend(checksum(&body[..checked]).to_le_bytes());
    all.extend(header);
    all.extend(body);
    all
}

fn opened(file: &[u8], check: bool) -> Result<Part, Damage> {
    let mut words = vec![0u64; file.len().div_ceil(8)];
    bytemuck::cast_slice_mut(&mut words)[..file.len()].copy_from_slice(file);
    read(Bytes::Owned(words, file.len()), "a.part", check)
}

/// Everything that can be done with a part; none of it may panic, whatever the part says.
fn used(part: &Part, draw: &mut Draw) -> (Leg, Vec<i64>) {
    let mask: Vec<u8> = part
        .ids()
        .iter()
        .map(|_| u8::from(draw.below(4) > 0))
        .collect();
    let keep: Vec<u8> = part
        .files()
        .iter()
        .map(|_| u8::from(draw.below(4) > 0))
        .collect();
    let terms: Vec<u32> = (0..9).collect();
    let leg = sparse_top(&[part], &[&mask], &terms, &[1.0; 9], 5);
    for vector in &part.vectors {
        let query: Vec<f32> = (0..vector.dim).map(|i| i as f32 - 3.0).collect();
        dense_top(&[part], &[&mask], &vector.name, &query, 5).unwrap();
    }
    let counts = frequencies(&[part.postings()], &[&mask], &terms);
    let counts_of_names = shared_frequencies(&[part.name_postings()], &[&keep]);
    let weights: Vec<f64> = counts_of_names[0].iter().map(|n| *n as f64 + 0.5).collect();
    let asked = Asked {
        words: &["a", "three"],
        terms: &[1, 3],
        named: &["three"],
        flat: &["one", "a"],
    };
    let names = Names {
        parts: &[part],
        weights: &[&weights],
        rare: 1.0,
    };
    match_names(&names, &[1, 2, 3, 99], &asked);
    places(&[part], &[100, 105, 7]);
    shown(&[part], part.ids(), |one| {
        if let Some(Shown { text, .. }) = one {
            assert_eq!((text.symbol, text.enclosing), (&b"f"[..], &b"A"[..]));
        }
    });
    merge(&[part], &[&keep]).unwrap();
    (leg, counts)
}

#[test]
fn every_kernel_gives_the_same_products() {
    let mut draw = Draw(7);
    // With and without a whole block of a kernel, a tail after it, four rows together and rows after them.
    let (dims, counts): (&[usize], &[usize]) = if cfg!(miri) {
        (&[1, 15, 16, 33], &[0, 3, 4, 9])
    } else {
        (
            &[1, 2, 15, 16, 17, 31, 32, 33, 100, 256, 384, 512],
            &[0, 1, 3, 4, 5, 11],
        )
    };
    for &dim in dims {
        for &rows in counts {
            let items: Vec<i8> = (0..rows * dim)
                .map(|i| {
                    if i % 5 == 0 {
                        i8::MIN
                    } else {
                        draw.next() as i8
                    }
                })
                .collect();
            let query: Vec<i16> = (0..dim)
                .map(|i| {
                    if i % 3 == 0 {
                        i16::MAX
                    } else {
                        -(draw.below(32_767) as i16)
                    }
                })
                .collect();
            let slow: Vec<i64> = (items.chunks_exact(dim))
                .map(|row| {
                    row.iter()
                        .zip(&query)
                        .map(|(a, b)| i64::from(*a) * i64::from(*b))
                        .sum()
                })
                .collect();
            for (name, kernel) in kernels() {
                let mut out = vec![1; rows];
                kernel(&items, &query, &mut out);
                assert_eq!(
                    out.iter().map(|x| i64::from(*x)).collect::<Vec<_>>(),
                    slow,
                    "{name}, {dim} dimensions, {rows} rows"
                );
            }
        }
    }
}

#[test]
fn the_largest_sums_do_not_overflow() {
    let dims: &[usize] = if cfg!(miri) {
        &[512, 513]
    } else {
        &[512, 513, 1024, 4096]
    };
    for &dim in dims {
        let whole = (i32::MAX / (128 * dim as i32)).min(32_767) as i16;
        let (row, query) = (vec![i8::MIN; 4 * dim], vec![whole; dim]);
        for (name, kernel) in kernels() {
            let mut out = [0; 4];
            kernel(&row, &query, &mut out);
            assert_eq!(
                out,
                [-128 * i32::from(whole) * dim as i32; 4],
                "{name}, {dim} dimensions"
            );
        }
    }
}

#[test]
fn a_file_gives_back_what_was_written() {
    let mut draw = Draw(3);
    let part = sample(&mut draw, 1, 5);
    let again = opened(
        &filed(part.body(), part.checked(), &part.layout(), &part.kinds),
        true,
    )
    .unwrap();
    assert_eq!(again.body(), part.body());
    assert_eq!(again.layout(), part.layout());
    assert_eq!(used(&again, &mut Draw(9)), used(&part, &mut Draw(9)));
}

#[test]
#[cfg_attr(miri, ignore = "Miri maps no files")]
fn a_mapped_file_is_read_to_its_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.part");
    for dim in [0, 1, 7, 33] {
        let part = sample(&mut Draw(19), 1, dim);
        std::fs::write(
            &path,
            filed(part.body(), part.checked(), &part.layout(), &part.kinds),
        )
        .unwrap();
        for check in [true, false] {
            let mapped = open(&path, "a.part", check).unwrap();
            assert_eq!(mapped.body(), part.body());
            assert_eq!(used(&mapped, &mut Draw(9)), used(&part, &mut Draw(9)));
        }
    }
}

#[test]
fn nothing_panics_on_a_body_that_lies() {
    let mut draw = Draw(11);
    for round in 0..if cfg!(miri) { 12 } else { 20_000 } {
        let part = sample(&mut draw, 1, [0, 1, 7, 33][round % 4]);
        let mut body = part.body().to_vec();
        for _ in 0..=draw.below(4) {
            let at = draw.below(body.len());
            let size = 1 + draw.below(8).min(body.len() - at - 1);
            for byte in &mut body[at..at + size] {
                *byte = draw.next() as u8;
            }
        }
        let file = filed(&body, part.checked(), &part.layout(), &part.kinds);
        if let Ok(part) = opened(&file, round % 3 > 0) {
            used(&part, &mut draw);
        }
    }
}

#[test]
fn nothing_panics_on_a_header_that_lies() {
    let mut draw = Draw(13);
    for round in 0..if cfg!(miri) { 12 } else { 20_000 } {
        let part = sample(&mut draw, 1, 7);
        let mut layout = part.layout();
        let checked = [part.checked(), draw.below(part.body().len() + 1)][draw.below(8) / 7];
        for _ in 0..=draw.below(2) {
            let (i, j) = (draw.below(layout.len()), draw.below(layout.len()));
            match draw.below(5) {
                0 => layout[i].3 = draw.below(part.body().len() / 64 + 2) * 64,
                1 => layout[i].3 = usize::MAX - draw.below(200),
                2 => layout[i].2[0] = [0, 1, 11, 13, usize::MAX, usize::MAX / 8 + 1][draw.below(6)],
                3 => layout[i].1 = layout[j].1,
                _ => (layout[i].3, layout[j].3) = (layout[j].3, layout[i].3),
            }
        }
        let file = filed(part.body(), checked, &layout, &part.kinds);
        if let Ok(part) = opened(&file, round % 3 > 0) {
            used(&part, &mut draw);
        }
    }
}

#[test]
fn flipped_and_cut_files_are_noticed() {
    let mut draw = Draw(17);
    let part = sample(&mut draw, 1, 7);
    let file = filed(part.body(), part.checked(), &part.layout(), &part.kinds);
    for _ in 0..if cfg!(miri) { 10 } else { 5_000 } {
        let mut hurt = file.clone();
        let at = draw.below(hurt.len());
        hurt[at] ^= 1 << draw.below(8);
        if at < file.len() - part.body().len() + part.checked() {
            assert!(opened(&hurt, true).is_err(), "a flip at {at}");
        } else {
            let hurt = opened(&hurt, true).unwrap();
            let mut lost = 0;
            shown(&[&hurt], hurt.ids(), |one| lost += u32::from(one.is_none()));
            assert_eq!(lost, 1);
        }
        assert!(opened(&file[..draw.below(file.len())], true).is_err());
    }
}

#[test]
fn shares_of_a_checksum_make_the_whole() {
    let bytes: Vec<u8> = (0..if cfg!(miri) { 100 } else { 9 << 20 })
        .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert_eq!(checksum(&bytes), crc32fast::hash(&bytes));
}

#[test]
fn names_match_what_a_card_says() {
    let part = sample(&mut Draw(5), 1, 1);
    let names = Names {
        parts: &[&part],
        weights: &[&[1.0; 4]],
        rare: 1.0,
    };
    let asked = Asked {
        words: &["a", "three"],
        terms: &[1, 3],
        named: &["three"],
        flat: &["one", "a"],
    };
    let found = match_names(&names, &[1, 99], &asked);
    assert_eq!((found.part, found.row), (vec![0, -1], vec![0, -1]));
    assert_eq!((found.share, found.cover), (vec![0.5, 0.0], vec![0.5, 0.0]));
    assert_eq!(
        (found.defines, found.called),
        (vec![1.0, 0.0], vec![1.0, 0.0])
    );
    assert_eq!((found.start, found.symbols), (vec![0, 2, 2], vec![0, 1]));
    assert_eq!(found.overlaps, vec![0.5, 0.5 * 0.5_f64.sqrt()]);
    assert_eq!(places(&[&part], &[101, 7])[0], vec![4, 0]);
}

#[test]
fn what_is_shown_is_what_was_given_and_stays_so_when_parts_are_merged() {
    let mut draw = Draw(19);
    let (one, other) = (sample(&mut draw, 1, 3), sample(&mut draw, 10, 3));
    let merged = merge(&[&one, &other], &[&[1, 0, 1], &[0, 1, 1]]).unwrap();
    let all = |parts: &[&Part], ids: &[i64]| {
        let mut found = Vec::new();
        shown(parts, ids, |one| {
            found.push(one.map(|one| {
                let kind = one.kind.to_owned();
                (one.first, one.last, kind, one.hit, one.text.text.to_vec())
            }));
        });
        found
    };
    let ids = [one.ids(), other.ids()].concat();
    let found = all(&[&one, &other], &ids);
    for (i, told) in found.iter().enumerate() {
        let (first, last, kind, _, text) = told.as_ref().unwrap();
        assert_eq!(*text, "text ".repeat(i % 12).as_bytes());
        assert_eq!(
            (*first, *last),
            (4 * (i as u32 % 12), 4 * (i as u32 % 12) + 1)
        );
        assert!(["code", "section"].contains(&kind.as_str()));
    }
    let again = all(&[&merged], &ids);
    for ((id, was), is) in ids.iter().zip(found).zip(again) {
        assert_eq!(is, was.filter(|_| merged.ids().contains(id)));
    }
    assert_eq!(all(&[&one], &[7]), [None]);
}
