//! Avatars: initials on a colour, drawn from the id alone. Decoration.

use http::StatusCode;

use super::{AVATARS, not_found_page};
use crate::answer::Answer;
use crate::html::escape;
use crate::lock::lock;
use crate::people::Person;
use crate::state::State;

/// Where a person's avatar is.
pub(super) fn url(state: &State, id: i64) -> String {
    format!("{}{AVATARS}{id}?v=4", state.base_url)
}

/// `GET /avatars/u/ID`.
pub(super) fn avatar(state: &State, path: &str) -> Answer {
    let id = path.strip_prefix(AVATARS).and_then(|id| id.parse::<i64>().ok());
    let people = lock(&state.people);
    let Some(person) = people.iter().find(|person| Some(person.id) == id) else { return not_found_page() };
    Answer::new(StatusCode::OK, "image/svg+xml", draw(person))
        .with("content-security-policy", "default-src 'none'")
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
