//! Changes to the text of a configuration: the lines that a change is about, and no other byte. It must not know files.
//!
//! Values are changed by a TOML editor, which keeps comments and layout but not line ends; what it made is carried over to the
//! text line by line. Whole sections are put in and taken out as lines, because an editor counts the comments behind a
//! section to the next one.

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use crate::name::PluginName;

/// What becomes of the library that is there now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep<'a> {
    /// It cannot be gone back to: what was kept before it stays kept.
    Older,
    /// It becomes `previous`, with this pin if it has none.
    Current(&'a str),
}

/// Makes `[plugin.NAME]` say where the library is and what its pin is. Nothing if the text is not as it should be.
pub(super) fn point(text: &str, name: &PluginName, path: &str, pin: &str, keep: Keep<'_>) -> Option<String> {
    let document: DocumentMut = text.parse().ok()?;
    let plugins = document.get("plugin");
    if plugins.and_then(|plugins| plugins.get(name.as_str())).is_some() {
        return change(text, name, |section| {
            let kept = match keep {
                Keep::Current(pin) => Some(current(section, Some(pin))?),
                Keep::Older => None,
            };
            set(section, "path", path.into());
            set(section, "sha256", Array::from_iter([pin]).into());
            if let Some(kept) = kept {
                set(section, "previous", kept.into());
            }
            Some(())
        });
    }
    if plugins.is_some_and(Item::is_inline_table) {
        return edited(text, |document| {
            let mut section = InlineTable::from_iter([("path", path)]);
            section.insert("sha256", Array::from_iter([pin]).into());
            let plugins = document.get_mut("plugin")?.as_table_like_mut()?;
            set(plugins, name.as_str(), section.into());
            if let Some(plugins) = document.get_mut("plugin")?.as_inline_table_mut() {
                close_up(plugins);
            }
            Some(())
        });
    }
    let (path, pin) = (Value::from(path), Value::from(pin));
    let lines = [format!("[plugin.{name}]"), format!("path = {path}"), format!("sha256 = [{pin}]")];
    Some(inserted(text, &lines))
}

/// Exchanges what `[plugin.NAME]` says with its `previous`. `pin` is that of the library that is there now, if it has none
/// written; a library without one is not kept.
pub(super) fn swap(text: &str, name: &PluginName, pin: Option<&str>) -> Option<String> {
    change(text, name, |section| {
        let previous = section.get("previous")?.as_table_like()?;
        let back = ["path", "sha256"].map(|key| previous.get(key).and_then(Item::as_value).cloned());
        let [path, sha256] = back;
        let (path, sha256) = (path?, sha256?);
        match current(section, pin) {
            Some(current) => set(section, "previous", current.into()),
            None => drop(section.remove("previous")),
        }
        set(section, "path", path);
        set(section, "sha256", sha256);
        Some(())
    })
}

/// Takes `[plugin.NAME]` out.
pub(super) fn remove(text: &str, name: &PluginName) -> Option<String> {
    let document = toml_edit::Document::parse(text).ok()?;
    let section = document.get("plugin")?.get(name.as_str())?;
    if let Some(table) = section.as_table()
        && !table.is_dotted()
        && !table.is_implicit()
        && table
            .iter()
            .all(|(_, item)| !item.is_table() || item.as_table().is_some_and(|table| table.is_dotted()))
        && let Some(header) = table.span()
    {
        return Some(cut(text, header.start, last(section).unwrap_or(header.end)));
    }
    edited(text, |document| document.get_mut("plugin")?.as_table_like_mut()?.remove(name.as_str()).map(drop))
}

fn change(
    text: &str,
    name: &PluginName,
    change: impl FnOnce(&mut dyn TableLike) -> Option<()>,
) -> Option<String> {
    edited(text, |document| {
        let plugins = document.get_mut("plugin")?.as_table_like_mut()?;
        let section = plugins.get_mut(name.as_str())?;
        change(section.as_table_like_mut()?)?;
        if let Some(section) = section.as_inline_table_mut() {
            close_up(section);
        }
        Some(())
    })
}

/// The space before the bracket stays there, and not before the comma of what was last.
fn close_up(table: &mut InlineTable) {
    let last = table.len().saturating_sub(1);
    let mut before_bracket = None;
    for (at, (_, value)) in table.iter_mut().enumerate() {
        let suffix = value.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default().to_owned();
        if at < last && !suffix.is_empty() && suffix.trim().is_empty() {
            value.decor_mut().set_suffix("");
            before_bracket = Some(suffix);
        } else if at == last
            && let Some(space) = before_bracket.take()
        {
            value.decor_mut().set_suffix(space);
        }
    }
}

fn edited(text: &str, edit: impl FnOnce(&mut DocumentMut) -> Option<()>) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let before = document.to_string();
    edit(&mut document)?;
    Some(carried(text, &before, &document.to_string()))
}

/// What a section says now, as the value of `previous`. The pins go there as they are written, with their comments.
fn current(section: &dyn TableLike, pin: Option<&str>) -> Option<InlineTable> {
    let bare = |mut value: Value| {
        value.decor_mut().clear();
        value
    };
    let path = section.get("path")?.as_value()?.clone();
    let written = section.get("sha256").and_then(Item::as_array).filter(|pins| !pins.is_empty());
    let pins = match (written, pin) {
        (Some(pins), _) => Value::Array(pins.clone()),
        (None, Some(pin)) => Array::from_iter([pin]).into(),
        (None, None) => return None,
    };
    let mut previous = InlineTable::new();
    previous.insert("path", bare(path));
    previous.insert("sha256", bare(pins));
    Some(previous)
}

/// Sets a key and leaves what stands around it. `insert` on a key that is there would drop the comments before it.
fn set(section: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(item) = section.get_mut(key) {
        value.decor_mut().clear();
        if let Some(old) = item.as_value() {
            *value.decor_mut() = old.decor().clone();
        }
        *item = Item::Value(value);
        return;
    }
    value.decor_mut().clear();
    section.insert(key, Item::Value(value));
}

/// The lines that differ between two renderings, put into the text that the first one is a rendering of.
fn carried(text: &str, before: &str, after: &str) -> String {
    let lines = |text: &'_ str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (written, before, after) = (lines(text), lines(before), lines(after));
    let shorter = before.len().min(after.len());
    let head = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let tail = tail.min(shorter - head);
    let mut whole = String::new();
    if written.len() == before.len() {
        whole.extend(written[..head].iter().map(String::as_str));
    } else {
        whole.extend(after[..head].iter().map(String::as_str));
    }
    for line in &after[head..after.len() - tail] {
        push(&mut whole, line.trim_end_matches(['\r', '\n']), text);
    }
    let rest = if written.len() == before.len() { &written } else { &after };
    whole.extend(rest[rest.len() - tail..].iter().map(String::as_str));
    whole
}

/// Appends a line with an end like the other lines'.
fn push(whole: &mut String, line: &str, like: &str) {
    let end = line_end(like);
    if !whole.is_empty() && !whole.ends_with('\n') {
        whole.push_str(end);
    }
    whole.push_str(line);
    whole.push_str(end);
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Puts a new section behind the last one of a plugin and the comments that belong to it, or at the end.
fn inserted(text: &str, section: &[String]) -> String {
    let at = last_plugin(text).map_or(text.len(), |end| block_end(text, end));
    let (head, rest) = text.split_at(at);
    let mut whole = head.to_owned();
    if !head.trim().is_empty() {
        push(&mut whole, "", text);
        if !head.ends_with('\n') {
            // That has only ended the last line.
            push(&mut whole, "", text);
        }
    }
    while whole.ends_with(&line_end(text).repeat(3)) {
        whole.truncate(whole.len() - line_end(text).len());
    }
    for line in section {
        push(&mut whole, line, text);
    }
    whole.push_str(rest);
    whole
}

/// Where the last of the sections `[plugin.…]` with a header ends, in bytes.
fn last_plugin(text: &str) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let plugins = document.get("plugin")?.as_table()?;
    let with_header =
        |item: &Item| item.as_table().is_some_and(|table| !table.is_dotted() && !table.is_implicit());
    if !plugins.is_dotted() && !plugins.is_implicit() {
        return last(document.get("plugin")?).or(plugins.span().map(|span| span.end));
    }
    let ends = plugins.iter().filter(|(_, item)| with_header(item));
    ends.filter_map(|(_, item)| last(item).or(item.span().map(|span| span.end))).max()
}

/// Where the last value in there ends.
fn last(item: &Item) -> Option<usize> {
    match item {
        Item::Table(table) => {
            let header = table.span().filter(|_| !table.is_dotted()).map(|span| span.end);
            table.iter().filter_map(|(_, item)| last(item)).chain(header).max()
        }
        other => other.span().map(|span| span.end),
    }
}

/// The end of the line, and of the comments right behind it that are not those of a next section.
fn block_end(text: &str, at: usize) -> usize {
    let mut end = line_after(text, at);
    let first = end;
    while text[end..].trim_start_matches([' ', '\t']).starts_with('#') {
        end = line_after(text, end);
    }
    if text[end..].trim_start_matches([' ', '\t']).starts_with('[') { first } else { end }
}

fn line_after(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |feed| at + feed + 1)
}

/// Takes out a section, from the comments right above its header to those right behind it, and one empty line.
fn cut(text: &str, header: usize, end: usize) -> String {
    let mut start = text[..header].rfind('\n').map_or(0, |feed| feed + 1);
    while start > 0 {
        let above = text[..start - 1].rfind('\n').map_or(0, |feed| feed + 1);
        if !text[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    let end = block_end(text, end);
    let (mut head, rest) = (&text[..start], &text[end..]);
    let is_empty_next = rest.lines().next().is_none_or(|line| line.trim().is_empty());
    if is_empty_next && head.lines().last().is_some_and(|line| line.trim().is_empty()) {
        let without = head.strip_suffix('\n').unwrap_or(head);
        head = &head[..without.rfind('\n').map_or(0, |feed| feed + 1)];
    }
    format!("{head}{rest}")
}
