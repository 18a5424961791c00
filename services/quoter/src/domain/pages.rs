//! A list that is cheap to copy and to change in a few places, so that every block can have its own.

use std::sync::Arc;

/// Items of a page.
const PAGE: usize = 64;

/// A list in shared pages.
#[derive(Debug)]
pub struct Pages<T> {
    pages: Vec<Arc<Vec<T>>>,
    length: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), length: 0 }
    }
}

impl<T> Clone for Pages<T> {
    fn clone(&self) -> Self {
        Self { pages: self.pages.clone(), length: self.length }
    }
}

impl<T: Clone> Pages<T> {
    /// How many items there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The item at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&T> {
        self.pages.get(place / PAGE)?.get(place % PAGE)
    }

    /// Every item in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter())
    }

    /// Adds an item at the end, and says where.
    pub fn push(&mut self, item: T) -> usize {
        match self.pages.last_mut().filter(|page| page.len() < PAGE) {
            Some(page) => Arc::make_mut(page).push(item),
            None => self.pages.push(Arc::new(vec![item])),
        }
        self.length += 1;
        self.length - 1
    }

    /// The item at a place, to be changed here and in no copy.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        Arc::make_mut(self.pages.get_mut(place / PAGE)?).get_mut(place % PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut pages = Pages::default();
        for number in 0..200 {
            assert_eq!(pages.push(number), number);
        }
        let copy = pages.clone();
        *pages.get_mut(150).unwrap() = 7;
        pages.push(200);
        assert_eq!((copy.get(150), copy.len(), copy.get(200)), (Some(&150), 200, None));
        assert_eq!((pages.get(150), pages.get(200)), (Some(&7), Some(&200)));
        assert!(copy.iter().copied().eq(0..200));
    }
}
