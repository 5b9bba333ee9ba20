//! Which known word somebody meant. It must not know what the words are for.

/// The candidate that `word` is a slip of the keyboard away from, if there is one.
///
/// Case and `-` for `_` count for nothing; beyond that, one edit for each three characters is allowed, three at most.
/// A swap of neighbours is one edit. Of equally near candidates the first in alphabetical order is taken.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Longer words are no slip of any key, and the distance costs the product of both lengths.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["public_url", "listen", "log", "url", "url_file"];

    #[test]
    fn finds_the_key_that_was_meant() {
        for (word, meant) in [
            ("listn", "listen"),
            ("lsiten", "listen"),
            ("publicUrl", "public_url"),
            ("Public-URL", "public_url"),
            ("ulr", "url"),
            ("url_fil", "url_file"),
            ("logs", "log"),
        ] {
            assert_eq!(nearest(word, KEYS), Some(meant), "{word}");
        }
    }

    #[test]
    fn suggests_nothing_for_another_word() {
        for word in ["", "x", "colour", "client_secret", "ports", &"l".repeat(5000)] {
            assert_eq!(nearest(word, KEYS), None, "{word}");
        }
    }
}
