//! Reads the forms of a page: enough HTML for pages that work without a script. Knows no HTTP.

/// A form, with what it would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// `action`, as written: relative to the page.
    pub action: String,
    /// `get` or `post`, lower case.
    pub method: String,
    /// The fields that are sent whichever button is pressed, in order.
    pub fields: Vec<(String, String)>,
    /// The submit buttons, in order.
    pub buttons: Vec<Button>,
}

/// A submit button; it sends its pair when it has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// `name`, possibly empty.
    pub name: String,
    /// `value`, possibly empty.
    pub value: String,
}

impl Form {
    /// Gives a field this value, adding it where there is none.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.fields.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// The forms of a page, in order.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(html) {
        let value = |name: &str| tag.attribute(name).unwrap_or_default();
        match tag.name.as_str() {
            "form" => {
                let method = value("method").to_ascii_lowercase();
                let method = if method == "post" { method } else { "get".to_owned() };
                forms.push(Form { action: value("action"), method, fields: Vec::new(), buttons: Vec::new() });
                open = true;
            }
            "/form" => open = false,
            "input" | "button" if open && tag.attribute("disabled").is_none() => {
                let Some(form) = forms.last_mut() else { continue };
                let is_input = tag.name == "input";
                let kind = tag.attribute("type").map(|kind| kind.to_ascii_lowercase());
                match kind.as_deref() {
                    Some("submit" | "image") => {
                        form.buttons.push(Button { name: value("name"), value: value("value") })
                    }
                    None if !is_input => {
                        form.buttons.push(Button { name: value("name"), value: value("value") })
                    }
                    Some("checkbox" | "radio") if tag.attribute("checked").is_none() => {}
                    Some("reset" | "button" | "file") => {}
                    _ if is_input && !value("name").is_empty() => {
                        form.fields.push((value("name"), value("value")))
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    forms
}

/// The text of the first element of this name, tags removed and blanks joined.
pub fn text_of(html: &str, element: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let opening = format!("<{element}");
    let mut from = 0;
    let start = loop {
        let at = from + lower.get(from..)?.find(&opening)? + opening.len();
        match lower.get(at..)?.chars().next()? {
            '>' => break at + 1,
            character if character.is_ascii_whitespace() => break at + lower.get(at..)?.find('>')? + 1,
            // `<header>` is not `<head>`.
            _ => from = at,
        }
    };
    let inner = html.get(start..start + lower.get(start..)?.find(&format!("</{element}"))?)?;
    let mut text = String::new();
    let mut inside = false;
    for character in inner.chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    Some(unescape(&text).split_whitespace().collect::<Vec<_>>().join(" "))
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }
}

/// Every tag outside comments, scripts and styles; closing ones with their slash.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = read_tag(rest);
        rest = after;
        if matches!(tag.name.as_str(), "script" | "style" | "textarea" | "title") {
            let end = rest.to_ascii_lowercase().find(&format!("</{}", tag.name)).unwrap_or(rest.len());
            rest = rest.get(end..).unwrap_or_default();
        }
        tags.push(tag);
    }
    tags
}

fn read_tag(text: &str) -> (Tag, &str) {
    let end = |c: char| c.is_ascii_whitespace() || c == '>';
    let length = text.find(end).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(length);
    let name = name.trim_end_matches(|c| c == '/' && name.len() > 1).to_ascii_lowercase();
    let mut tag = Tag { name, attributes: Vec::new() };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        let stop = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
        let length = rest.find(stop).unwrap_or(rest.len()).max(1);
        // A name may start with a stray `=`; it is one byte long, so this stays on a character's border.
        let (name, after) = rest.split_at(length);
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(value) => read_value(value.trim_start()),
            None => ("", after),
        };
        tag.attributes.push((name.to_ascii_lowercase(), unescape(value)));
        rest = after;
    }
}

fn read_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let length = text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(length)
}

/// Character references: the five that HTML needs, and numbers.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let found =
            after.split_once(';').and_then(|(name, after)| reference(name).map(|found| (found, after)));
        match found {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Button, forms, text_of};

    #[test]
    fn reads_fields_and_buttons_as_a_browser_would_send_them() {
        let html = r#"<!-- <form action=/no> --><script>"<form action='/no'>"</script>
            <FORM method=POST action="/a?x=1&amp;y=2"><input type=hidden name=a value='&lt;1&#39;'>
            <input type="checkbox" name="b" value="1"><input name=c><input type=submit name=go value=now />
            <button name="who" value="me">Me</button><button type=button name=no>No</button></FORM><button>stray</button>"#;
        let forms = forms(html);
        assert_eq!(forms.len(), 1);
        assert_eq!(forms[0].method, "post");
        assert_eq!(forms[0].action, "/a?x=1&y=2");
        assert_eq!(forms[0].fields, [("a".into(), "<1'".into()), ("c".into(), String::new())]);
        let names: Vec<&Button> = forms[0].buttons.iter().collect();
        assert_eq!(names.len(), 2);
        assert_eq!((names[1].name.as_str(), names[1].value.as_str()), ("who", "me"));
    }

    #[test]
    fn survives_html_that_ends_anywhere() {
        let html = "<form action='/ä' =x><input name=\"é\" value=&#x41;&bogus;><title>T";
        for (at, _) in html.char_indices() {
            forms(&html[..at]);
            text_of(&html[..at], "title");
        }
    }

    #[test]
    fn takes_the_text_of_an_element_without_its_tags() {
        let html = "<header>no</header><h1 class=x>This\n <em>sign-in</em> &amp; that</h1>";
        assert_eq!(text_of(html, "h1").as_deref(), Some("This sign-in & that"));
        assert_eq!(text_of(html, "head"), None);
    }
}
