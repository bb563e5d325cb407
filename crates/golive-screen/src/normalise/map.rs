//! S4, S8: the way back from a normalised text to the bytes of the text it was made from.
//!
//! Never: grows with the text: only with the number of changes in it, and runs of equal changes are one entry.

use std::ops::Range;

/// A map from places of a made text to places of its source. An empty map says that both are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    steps: Vec<Step>,
    /// Both ends before step `n * EVERY`: where a look-up begins to walk.
    marks: Vec<Mark>,
    /// Both ends after the last step.
    ends: Mark,
}

/// Steps between two marks: a look-up walks at most so many.
const EVERY: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    made: usize,
    source: usize,
}

/// `count` units in a row, each of `source` bytes, of which each became `made` bytes. Kept bytes are units of one to
/// one, removed ones units of any to none.
#[derive(Debug, Clone, Copy)]
struct Step {
    made: u8,
    source: u8,
    count: u32,
}

impl Map {
    /// The next `bytes` bytes are in both texts.
    pub(crate) fn keep(&mut self, bytes: usize) {
        self.push(1, 1, bytes);
    }

    /// The next `source` bytes became `made` bytes, as one.
    pub(crate) fn replace(&mut self, mut source: usize, mut made: usize) {
        // Longer ones than a step can say are cut: the first piece takes as much as it can.
        loop {
            let (from, to) = (source.min(MOST), made.min(MOST));
            self.push(to, from, 1);
            source -= from;
            made -= to;
            if source == 0 && made == 0 {
                return;
            }
        }
    }

    /// The next `source` bytes have gone.
    pub(crate) fn remove(&mut self, source: usize) {
        if source > 0 {
            self.replace(source, 0);
        }
    }

    /// Whether both texts are the same, byte for byte.
    pub(crate) fn is_identity(&self) -> bool {
        self.steps.iter().all(|step| step.made == 1 && step.source == 1)
    }

    fn push(&mut self, made: usize, source: usize, count: usize) {
        if count == 0 {
            return;
        }
        // Both are at most MOST: the callers cut them.
        let (made, source) = (made as u8, source as u8);
        self.ends.made += usize::from(made) * count;
        self.ends.source += usize::from(source) * count;
        let mut left = count;
        if let Some(last) = self.steps.last_mut()
            && (last.made, last.source) == (made, source)
        {
            let more = left.min((u32::MAX - last.count) as usize);
            last.count += more as u32;
            left -= more;
        }
        while left > 0 {
            if self.steps.len().is_multiple_of(EVERY) {
                self.marks.push(Mark {
                    made: self.ends.made - usize::from(made) * left,
                    source: self.ends.source - usize::from(source) * left,
                });
            }
            let count = left.min(u32::MAX as usize);
            self.steps.push(Step {
                made,
                source,
                count: count as u32,
            });
            left -= count;
        }
    }

    /// The bytes of the source from which `range` of the made text comes, not widened to character borders. A range
    /// that begins or ends inside a unit takes the whole unit; removed bytes at its edges are left out.
    pub(crate) fn source(&self, range: Range<usize>) -> Range<usize> {
        if self.steps.is_empty() {
            return range;
        }
        let start = self.unit_at(range.start).start;
        if range.end <= range.start {
            return start..start;
        }
        start..self.unit_at(range.end - 1).end.max(start)
    }

    /// The unit of the source in which byte `at` of the made text stands; its end for places past the end.
    fn unit_at(&self, at: usize) -> Range<usize> {
        if at >= self.ends.made {
            return self.ends.source..self.ends.source;
        }
        // There is a mark at zero, and `at` is inside: so the search finds at least one.
        let mark = self
            .marks
            .partition_point(|mark| mark.made <= at)
            .saturating_sub(1);
        let Mark { mut made, mut source } = self.marks.get(mark).copied().unwrap_or_default();
        for step in self.steps.iter().skip(mark * EVERY) {
            let (to, from) = (usize::from(step.made), usize::from(step.source));
            let length = to * step.count as usize;
            if at < made + length {
                let unit = (at - made) / to;
                let start = source + unit * from;
                return start..start + from;
            }
            made += length;
            source += from * step.count as usize;
        }
        self.ends.source..self.ends.source
    }
}

/// Most bytes on either side of one unit.
const MOST: usize = u8::MAX as usize;

/// Widens a range to the borders of the characters it touches, and keeps it inside the text.
pub(crate) fn on_borders(text: &str, range: Range<usize>) -> Range<usize> {
    let end = text.ceil_char_boundary(range.end.min(text.len()));
    let start = text.floor_char_boundary(range.start.min(end));
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_through_kept_replaced_and_removed_bytes() {
        let mut map = Map::default();
        map.keep(3);
        map.remove(6);
        map.replace(3, 1);
        map.replace(3, 1);
        map.replace(2, 5);
        map.keep(4);
        assert_eq!(map.source(0..3), 0..3);
        assert_eq!(
            map.source(2..4),
            2..12,
            "what was removed between two kept bytes belongs to both"
        );
        assert_eq!(
            map.source(3..4),
            9..12,
            "what was removed before a range is not in it"
        );
        assert_eq!(map.source(4..5), 12..15);
        assert_eq!(map.source(6..7), 15..17, "a part of a unit is the whole unit");
        assert_eq!(map.source(10..14), 17..21);
        assert_eq!(map.source(14..14), 21..21);
        assert_eq!(map.source(99..120), 21..21);
    }

    #[test]
    fn a_map_of_many_steps_is_searched_by_its_marks() {
        let mut map = Map::default();
        for _ in 0..1_000 {
            map.keep(1);
            map.replace(2, 1);
        }
        for n in 0..1_000 {
            assert_eq!(map.source(2 * n..2 * n + 2), 3 * n..3 * n + 3);
            assert_eq!(map.source(2 * n + 1..2 * n + 2), 3 * n + 1..3 * n + 3);
        }
    }

    #[test]
    fn equal_changes_in_a_row_are_one_step() {
        let mut map = Map::default();
        for _ in 0..100_000 {
            map.replace(3, 1);
        }
        assert_eq!(map.steps.len(), 1);
        assert_eq!(map.source(77..79), 231..237);
    }

    #[test]
    fn a_change_longer_than_a_step_is_cut() {
        let mut map = Map::default();
        map.replace(1_000, 2);
        map.keep(1);
        assert_eq!(map.source(2..3), 1_000..1_001);
    }
}
