//! Text into HTML, and the frame of the pages that people see at a demo provider. Knows a personality's name alone.

use http::StatusCode;

use crate::answer::Answer;
use crate::personality::Personality;

/// Text that is safe between tags and inside quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// What a browser sees where there is nothing: for an unknown client of GitHub's too, of whom nothing is said.
pub(crate) fn not_found(personality: Personality) -> Answer {
    let body = "<h1>404</h1>\n<p>There is nothing at this address.</p>";
    Answer::html(StatusCode::NOT_FOUND, page(personality, "Page not found", body))
}

/// A page: title (escaped here) and body (HTML already).
pub(crate) fn page(personality: Personality, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<p class=\"notice\" role=\"note\"><strong>Demo provider.</strong> Stands in for {played} on \
         this computer. It is not {played}, and nothing leaves this machine.</p>\n<main>\n{body}\n</main>\n\
         </body>\n</html>\n",
        escape(title),
        played = personality.played(),
    )
}

const STYLE: &str = "
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1c2128; --dim: #57606a; --line: #d0d7de;
  --hover: #eef4ff; --focus: #0a5fd6; --warn: #fff4ce; --warn-text: #4a3700; }
@media (prefers-color-scheme: dark) { :root { --back: #14171c; --card: #1d2229; --text: #e6e9ee; --dim: #9aa4b0;
  --line: #3a424c; --hover: #26303d; --focus: #6ea8ff; --warn: #3b3110; --warn-text: #ffe7a3; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
.notice { margin: 0; padding: .6rem 1rem; background: var(--warn); color: var(--warn-text); text-align: center; }
main { max-width: 30rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
.dim { color: var(--dim); margin: 0 0 1rem; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0 0 1rem; padding: 0; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; overflow: hidden; }
li + li { border-top: 1px solid var(--line); }
button { font: inherit; color: inherit; cursor: pointer; }
li button { display: flex; gap: .8rem; align-items: center; width: 100%; min-height: 3.5rem; padding: .6rem 1rem;
  border: 0; background: none; text-align: start; }
li button:hover { background: var(--hover); }
li img { flex: none; border-radius: 50%; }
li span { min-width: 0; overflow-wrap: anywhere; }
li small { display: block; color: var(--dim); }
button:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; }
.cancel { width: 100%; min-height: 2.75rem; padding: .5rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; }
";
