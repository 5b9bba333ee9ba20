//! Avatars: initials on a colour, drawn from the id alone. Decoration.

use http::StatusCode;

use crate::answer::Answer;
use crate::html::{self, escape};
use crate::lock::lock;
use crate::people::Person;
use crate::state::State;

/// Below a provider's base path.
const AVATARS: &str = "/avatars/u/";

/// Where a person's avatar is.
pub(crate) fn url(state: &State, id: i64) -> String {
    format!("{}{}", state.base_url, path_and_query(id))
}

/// The same without scheme, host and port.
pub(crate) fn path(state: &State, id: i64) -> String {
    format!("{}{}", state.base_path, path_and_query(id))
}

fn path_and_query(id: i64) -> String {
    format!("{AVATARS}{id}?v=4")
}

/// What is at a path below the base path, if it is an avatar's: `/avatars/u/ID`.
pub(crate) fn answer(state: &State, path: &str) -> Option<Answer> {
    let id = path.strip_prefix(AVATARS)?.parse::<i64>().ok();
    let people = lock(&state.people);
    let Some(person) = people.iter().find(|person| Some(person.id) == id) else {
        return Some(html::not_found(state.personality));
    };
    let drawn = Answer::new(StatusCode::OK, "image/svg+xml", draw(person));
    Some(drawn.with("content-security-policy", "default-src 'none'"))
}

fn draw(person: &Person) -> String {
    let name = person.name.as_deref().unwrap_or(&person.login);
    let initials: String = name.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect();
    let hue = person.id.rem_euclid(360);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"96\" height=\"96\" viewBox=\"0 0 96 96\">\
         <rect width=\"96\" height=\"96\" fill=\"hsl({hue} 45% 38%)\"/>\
         <text x=\"48\" y=\"62\" font-family=\"sans-serif\" font-size=\"40\" fill=\"#fff\" \
         text-anchor=\"middle\">{}</text></svg>",
        escape(&initials.to_uppercase())
    )
}
