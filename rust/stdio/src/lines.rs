//! Lines of bounded length from a stream.

use std::io::{self, BufRead};

/// The longest line that is read, in bytes: a message of the daemon may have so many. A client's may have `ROOM` fewer, for what is put around it.
pub const LONGEST: usize = 32 << 20;
pub const ROOM: usize = 4_096;

/// A buffer that once held more than this is given back.
const KEPT: usize = 1 << 16;

pub enum Line {
    /// A whole line (in the buffer, without its end), or the last one, which has none.
    Whole,
    /// A line that is longer than allowed; it was skipped up to its end.
    TooLong,
    End,
}

/// Read the next line into `buffer`, at most `longest` bytes of it.
pub fn next(input: &mut impl BufRead, buffer: &mut Vec<u8>, longest: usize) -> io::Result<Line> {
    buffer.clear();
    buffer.shrink_to(KEPT);
    let (mut too_long, mut any) = (false, false);
    loop {
        let read = match input.fill_buf() {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let end = read.iter().position(|byte| *byte == b'\n');
        let part = &read[..end.unwrap_or(read.len())];
        any |= !read.is_empty();
        too_long |= buffer.len() + part.len() > longest;
        if too_long {
            *buffer = Vec::new();
        } else {
            buffer.extend_from_slice(part);
        }
        let (done, used) = (
            end.is_some() || read.is_empty(),
            part.len() + usize::from(end.is_some()),
        );
        input.consume(used);
        if done {
            return Ok(match (any, too_long) {
                (false, _) => Line::End,
                (_, true) => Line::TooLong,
                _ => Line::Whole,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn all(text: &[u8], longest: usize, capacity: usize) -> Vec<Option<Vec<u8>>> {
        let mut input = BufReader::with_capacity(capacity, text);
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        loop {
            match next(&mut input, &mut buffer, longest).unwrap() {
                Line::Whole => found.push(Some(buffer.clone())),
                Line::TooLong => found.push(None),
                Line::End => return found,
            }
        }
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let wanted: Vec<_> = [&b"one"[..], b"", b"three\r", b"last"]
            .iter()
            .map(|line| Some(line.to_vec()))
            .collect();
        for capacity in [1, 2, 3, 5, 64] {
            assert_eq!(all(b"one\n\nthree\r\nlast", 10, capacity), wanted);
        }
        assert_eq!(all(b"", 10, 4), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_alone() {
        for capacity in [1, 3, 64] {
            assert_eq!(
                all(b"12345\n123456\n1\n", 5, capacity),
                [Some(b"12345".to_vec()), None, Some(b"1".to_vec())]
            );
            assert_eq!(all(b"123456", 5, capacity), [None]);
        }
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let text = [vec![b'x'; 1 << 20], b"\ny\n".to_vec()].concat();
        let mut input = BufReader::new(&text[..]);
        let mut buffer = Vec::new();
        next(&mut input, &mut buffer, LONGEST).unwrap();
        next(&mut input, &mut buffer, LONGEST).unwrap();
        assert_eq!(buffer, b"y");
        assert!(buffer.capacity() <= KEPT);
    }
}
