//! The pictures on buttons. Our own are drawn for this program in one colour, the text's, and stand inside the page;
//! an operator's SVG could carry scripts or load things, so it is only ever the target of an `<img>`.

use rust_embed::Embed;
use serde::Serialize;

use super::text::is_local_path;

#[derive(Embed)]
#[folder = "assets/icons/"]
struct Drawings;

/// The drawing for a provider that has none of its own.
const UNKNOWN: &str = "key";

/// The picture of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "View")]
pub enum Icon {
    /// A drawing of ours, by name; see [`Icon::builtin`].
    Builtin(&'static str),
    /// The operator's file, by the path on this server where it is served: `/assets/provider/gitlab_corp`. Another
    /// origin is not taken: the sign-in page would tell it who signs in, and the policy would not load it.
    OperatorFile {
        /// The path.
        url: String,
    },
}

impl Icon {
    /// The drawing of that name, usually a plugin's, or a key where there is none.
    pub fn builtin(name: &str) -> Icon {
        Icon::Builtin(match name {
            "github" => "github",
            "gitlab" => "gitlab",
            "oidc" => "oidc",
            "oauth2" => "oauth2",
            _ => UNKNOWN,
        })
    }
}

/// What a template sees: exactly one of the two.
#[derive(Serialize)]
struct View {
    drawing: Option<&'static str>,
    url: Option<String>,
}

impl From<Icon> for View {
    fn from(icon: Icon) -> Self {
        match icon {
            Icon::Builtin(name) => View { drawing: Some(name), url: None },
            Icon::OperatorFile { url } if is_local_path(&url) => View { drawing: None, url: Some(url) },
            Icon::OperatorFile { .. } => View { drawing: Some(UNKNOWN), url: None },
        }
    }
}

/// The SVG element of a drawing, without white space around it.
pub(crate) fn drawing(name: &str) -> Option<String> {
    let file = Drawings::get(&format!("{name}.svg"))?;
    Some(std::str::from_utf8(&file.data).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_without_a_drawing_gets_the_key() {
        assert_eq!(Icon::builtin("github"), Icon::Builtin("github"));
        assert_eq!(Icon::builtin("nobody_heard_of_it"), Icon::Builtin("key"));
    }

    #[test]
    fn every_name_has_a_drawing_in_the_colour_of_the_text_that_runs_nothing() {
        for name in ["github", "gitlab", "oidc", "oauth2", "key", "mark"] {
            let svg = drawing(name).unwrap();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{name}");
            assert!(svg.contains("aria-hidden=\"true\"") && svg.contains("currentColor"), "{name}");
            for word in ["script", "href", "style", "onload", "url("] {
                assert!(!svg.contains(word), "`{word}` in {name}");
            }
        }
        assert_eq!(drawing("../../Cargo"), None);
    }

    #[test]
    fn an_operators_file_comes_from_this_server_only() {
        for url in
            ["https://evil.example/a.svg", "//evil.example/a", "javascript:alert(1)", "data:image/svg+xml,"]
        {
            let view = View::from(Icon::OperatorFile { url: url.to_owned() });
            assert_eq!((view.drawing, view.url), (Some("key"), None), "{url}");
        }
    }
}
