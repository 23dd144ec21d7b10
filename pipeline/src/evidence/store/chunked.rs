//! A growing list in pieces of a fixed length.
//!
//! Owns the pieces. Growing never moves what is there: no pause while millions of entries are copied, and no more
//! than one piece of memory that nothing uses.

/// How many entries a piece has.
const PIECE: usize = 1 << 14;

/// A list that only grows.
#[derive(Debug)]
pub(in crate::evidence) struct Chunked<T> {
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Chunked { pieces: Vec::new() }
    }
}

impl<T> Chunked<T> {
    pub(in crate::evidence) fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    pub(in crate::evidence) fn push(&mut self, value: T) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => last.push(value),
            // The first piece grows as it must, for a small partition; the others are made whole at once.
            None => self.pieces.push(vec![value]),
            Some(_) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(value);
                self.pieces.push(piece);
            }
        }
    }

    pub(in crate::evidence) fn get(&self, at: usize) -> Option<&T> {
        self.pieces.get(at / PIECE)?.get(at % PIECE)
    }

    pub(in crate::evidence) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.pieces.get_mut(at / PIECE)?.get_mut(at % PIECE)
    }

    /// Bytes held, used or not.
    pub(in crate::evidence) fn bytes(&self) -> usize {
        self.pieces.capacity() * size_of::<Vec<T>>()
            + self.pieces.iter().map(|piece| piece.capacity() * size_of::<T>()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn across_pieces() {
        let mut list = Chunked::default();
        for value in 0..PIECE * 2 + 1 {
            assert_eq!(list.len(), value);
            list.push(value);
        }
        assert!([0, PIECE - 1, PIECE, PIECE * 2].iter().all(|&at| list.get(at) == Some(&at)));
        assert_eq!(list.get(PIECE * 2 + 1), None);
        assert!(list.bytes() >= PIECE * 3 * size_of::<usize>());
    }
}
