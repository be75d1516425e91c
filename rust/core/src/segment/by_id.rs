//! What parts have of chunks that are asked for by id.

use super::Part;
use crate::texts::Text;

/// Where these chunks lie: a column each for what [`Part::places`] has of them, 0 where there is no such chunk.
pub fn places(parts: &[&Part], ids: &[i64]) -> [Vec<i64>; 4] {
    let columns: Vec<_> = parts
        .iter()
        .map(|part| (part.ids(), part.places()))
        .collect();
    let mut found = [(); 4].map(|()| Vec::with_capacity(ids.len()));
    for id in ids {
        let place = columns.iter().find_map(|(ids, places)| {
            let row = ids.binary_search(id).ok()?;
            places.get(4 * row..4 * row + 4)
        });
        for (n, column) in found.iter_mut().enumerate() {
            column.push(place.map_or(0, |place| i64::from(place[n])));
        }
    }
    found
}

/// What is shown of a chunk: its lines, kind and hit id, and its text.
pub struct Shown<'a> {
    pub first: u32,
    pub last: u32,
    pub kind: &'a str,
    pub hit: i64,
    pub text: Text<'a>,
}

/// `tell` of each of these chunks what is shown of it; nothing where no part has one, or its text does not prove itself.
pub fn shown(parts: &[&Part], ids: &[i64], mut tell: impl FnMut(Option<Shown>)) {
    let columns: Vec<_> = parts.iter().map(|part| (*part, part.ids())).collect();
    let mut text = Vec::new();
    for id in ids {
        let found = columns
            .iter()
            .find_map(|(part, ids)| Some((*part, ids.binary_search(id).ok()?)));
        tell(found.and_then(|(part, row)| shown_in(part, row, &mut text)));
    }
}

fn shown_in<'a>(part: &'a Part, row: usize, text: &'a mut Vec<u8>) -> Option<Shown<'a>> {
    let place = part.places().get(4 * row..4 * row + 2)?;
    let at = part.text_at(row);
    text.clear();
    text.resize(at.len(), 0);
    part.read_texts(at.start, text);
    Some(Shown {
        first: place[0],
        last: place[1],
        kind: part.kinds.get(usize::from(*part.kind_of().get(row)?))?,
        hit: *part.hits().get(row)?,
        text: Text::read(text)?,
    })
}
