//! The page on which a person decides, what they decided, and the redirect back. Shared by all personalities; knows no
//! rule about who may ask.

use http::StatusCode;
use url::Url;

use crate::answer::Answer;
use crate::avatar;
use crate::fault::Fault;
use crate::html::{self, escape};
use crate::lock::lock;
use crate::people::Person;
use crate::request::Request;
use crate::state::State;

/// What the page says about a request that was checked.
pub(crate) struct Question<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) redirect_uri: &'a Url,
    /// The account that the application suggests: it comes first.
    pub(crate) suggested: Option<&'a str>,
}

/// What a person decided.
pub(crate) enum Decision {
    Granted(Box<Person>),
    Denied,
}

/// The page with everybody who can be chosen. Its form posts to where it came from, query included.
pub(crate) fn page(state: &State, request: &Request, question: &Question<'_>) -> Answer {
    let people = lock(&state.people);
    let suggested = |person: &&Person| question.suggested == Some(person.login.as_str());
    let (first, rest): (Vec<&Person>, Vec<&Person>) = people.iter().partition(suggested);
    let choices: String = first.into_iter().chain(rest).map(|person| choice(state, person)).collect();
    let scopes = match question.scopes {
        [] => "only public information".to_owned(),
        scopes => scopes.join(", "),
    };
    let body = format!(
        "<h1>Choose who you are</h1>\n<p class=\"dim\">{} asks for {}, and you will go back to {}</p>\n\
         <form method=\"post\" action=\"{}?{}\">\n<ul>\n{choices}</ul>\n\
         <button class=\"cancel\" type=\"submit\" name=\"cancel\" value=\"1\">Cancel</button>\n</form>",
        escape(question.client_id),
        escape(&scopes),
        escape(&question.redirect_uri.origin().ascii_serialization()),
        escape(&request.path),
        escape(&request.query),
    );
    Answer::html(StatusCode::OK, html::page(state.personality, "Sign in at the demo provider", &body))
}

fn choice(state: &State, person: &Person) -> String {
    let login = escape(&person.login);
    let name = person.name.as_deref().map_or_else(|| login.clone(), escape);
    let refuses = if person.consents { "" } else { " · will refuse" };
    format!(
        "<li><button type=\"submit\" name=\"person\" value=\"{login}\"><img src=\"{}\" alt=\"\" width=\"40\" \
         height=\"40\"><span>{name}<small>{login}{refuses}</small></span></button></li>\n",
        escape(&avatar::path(state, person.id)),
    )
}

/// What the field `person` (a login) or `cancel` of the page's form says; a form that says neither is answered here.
pub(crate) fn decision(state: &State, request: &Request) -> Result<Decision, Answer> {
    if request.form_param("cancel").is_some() {
        return Ok(Decision::Denied);
    }
    let Some(login) = request.form_param("person") else {
        return Err(Answer::text(StatusCode::BAD_REQUEST, "choose a `person` by login, or `cancel`"));
    };
    match lock(&state.people).iter().find(|person| person.login == login) {
        None => Err(Answer::text(StatusCode::BAD_REQUEST, "there is no such person")),
        Some(person) if person.consents => Ok(Decision::Granted(Box::new(person.clone()))),
        Some(_) => Ok(Decision::Denied),
    }
}

/// The redirect, with the faults of a callback.
pub(crate) fn send_back(
    redirect_uri: &Url,
    mut params: Vec<(&'static str, String)>,
    fault: Option<Fault>,
) -> Answer {
    match fault {
        Some(Fault::WrongState) => replace(&mut params, "state", "a-state-that-nobody-sent"),
        Some(Fault::WrongIss) => replace(&mut params, "iss", "https://issuer.example/login/oauth"),
        Some(Fault::MissingState) => params.retain(|(name, _)| *name != "state"),
        Some(Fault::MissingIss) => params.retain(|(name, _)| *name != "iss"),
        Some(Fault::MissingCode) => params.retain(|(name, _)| *name != "code"),
        Some(Fault::DuplicateParam) => params.push(("code", "0123456789abcdef0123".to_owned())),
        _ => {}
    }
    let mut location = redirect_uri.clone();
    location.query_pairs_mut().extend_pairs(params);
    Answer::found(location.as_str())
}

fn replace(params: &mut Vec<(&'static str, String)>, name: &'static str, value: &str) {
    params.retain(|(other, _)| *other != name);
    params.push((name, value.to_owned()));
}
