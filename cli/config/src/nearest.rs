//! The word that a person most likely meant.

/// The candidate nearest to `word`, if it is near enough to be worth a question.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(&word, &fold(candidate)), candidate))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `holdTimeS`, `hold-time-s` and `hold_time_s` are one word to a person.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | '.')).flat_map(char::to_lowercase).take(64).collect()
}

/// Edit distance that counts a swap of neighbours as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let above = |back: usize, at: usize| rows.len().checked_sub(back).and_then(|r| rows.get(r)).and_then(|r| r.get(at)).copied();
            let cost = usize::from(ca != cb);
            let mut best = above(1, j).unwrap_or(usize::MAX - 1) + cost;
            best = best.min(above(1, j + 1).unwrap_or(usize::MAX - 1) + 1).min(row.last().copied().unwrap_or(0) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped && let Some(before) = above(2, j - 1) {
                best = best.min(before + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found_and_strangers_are_not() {
        let keys = ["hold_time_s", "keepalive_time_s", "password", "pools", "podCidrs"];
        let near = |word| nearest(word, keys.into_iter());
        assert_eq!(near("holdTimeS"), Some("hold_time_s"));
        assert_eq!(near("hold_tiem_s"), Some("hold_time_s"));
        assert_eq!(near("pool"), Some("pools"));
        assert_eq!(near("banana"), None);
    }
}
