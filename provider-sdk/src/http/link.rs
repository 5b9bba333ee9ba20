//! The `Link` header (RFC 8288 §3), as far as paging needs it.

/// The target of the first link in a header's value that has this relation type.
pub(super) fn target(value: &str, relation: &str) -> Option<String> {
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (target, mut after) = rest.strip_prefix('<')?.split_once('>')?;
        let mut related = None;
        loop {
            after = after.trim_start_matches([' ', '\t']);
            let Some(parameter) = after.strip_prefix(';') else { break };
            let (name, value, tail) = parameter_of(parameter)?;
            // Only the first `rel` counts (§3.3).
            if name.eq_ignore_ascii_case("rel") && related.is_none() {
                related = Some(value.split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case(relation)));
            }
            after = tail;
        }
        if related == Some(true) {
            return Some(target.trim().to_owned());
        }
        if !after.starts_with(',') {
            return None;
        }
        rest = after;
    }
}

/// Name, value and what comes after of `name`, `name=token` or `name="quoted \" text"`.
fn parameter_of(text: &str) -> Option<(&str, String, &str)> {
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let name = text[..end].trim();
    let Some(value) = text[end..].strip_prefix('=') else { return Some((name, String::new(), &text[end..])) };
    let value = value.trim_start_matches([' ', '\t']);
    let Some(quoted) = value.strip_prefix('"') else {
        let end = value.find([';', ',']).unwrap_or(value.len());
        return Some((name, value[..end].trim().to_owned(), &value[end..]));
    };
    let mut unquoted = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, unquoted, &quoted[at + 1..])),
            '\\' => unquoted.push(chars.next()?.1),
            c => unquoted.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn finds_the_relation_among_others() {
        for (value, expected) in [
            (r#"<https://a/2>; rel="next""#, Some("https://a/2")),
            (r#"<https://a/1>; rel="prev", <https://a/3>; rel="next""#, Some("https://a/3")),
            (r#"<https://a/1,2;x>; title="a, b; \"c\" <x>; rel=next"; rel="prev", <b>;rel=next"#, Some("b")),
            (r#"<https://a/2>; rel="last next""#, Some("https://a/2")),
            (r#"<https://a/2> ; REL = NEXT ; a"#, Some("https://a/2")),
            (r#",, <a>; rel=next"#, Some("a")),
            (r#"<a>; rel="prev"; rel="next""#, None),
            (r#"<a>; rel="nextpage""#, None),
            (r#"<a>"#, None),
            ("", None),
        ] {
            assert_eq!(target(value, "next").as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn ends_on_what_is_no_link() {
        for value in [
            "<a",
            "a>; rel=next",
            r#"<a>; rel="next"#,
            "<a>; rel=prev <b>; rel=next",
            r#"<a>; rel="\"#,
            "<ü>;=;,",
        ] {
            assert_eq!(target(value, "next"), None, "{value}");
        }
    }
}
