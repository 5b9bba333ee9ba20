//! `[database]`: where the database is, and who changes its schema. It must not know how one is opened.
//!
//! A URL may hold a password, so no message repeats more of it than its scheme or the name of one of its parameters.

use std::path::Path;

use super::database_url;
use super::secret::{self, Environment};
use super::section::{Keys, Section};
use crate::store::{Location, Migrate};

pub(crate) const DATABASE: Keys = Keys { taken: &["url", "url_file", "url_env", "migrate"], later: &[] };

/// Who changes the schema.
pub(crate) fn migrate(section: &mut Section<'_>) -> Migrate {
    let choices = [("auto", Migrate::Auto), ("manual", Migrate::Manual)];
    section.choice("migrate", &choices, &[]).map_or(Migrate::Auto, |found| found.value)
}

/// Where the database is; `folder` is that of the configuration file.
pub(crate) fn location(
    section: &mut Section<'_>,
    folder: &Path,
    environment: &dyn Environment,
) -> Option<Location> {
    let (url, file, variable) = (section.text("url"), section.text("url_file"), section.text("url_env"));
    let written: Vec<&str> =
        ["url", "url_file", "url_env"].into_iter().filter(|key| section.has(key)).collect();
    if written.len() > 1 {
        let line = section.line();
        let keys: Vec<String> = written.iter().map(|key| format!("`{key}`")).collect();
        section.fault(line, format!("`[database]` has {}", keys.join(" and ")), "keep one of them");
        return None;
    }
    let (line, read) = if let Some(found) = url {
        let location = at(section, found.line, found.value, folder)?;
        if matches!(&location, Location::Postgres(location) if location.password.is_some()) {
            let cure = "put the URL into a file of its own that the server alone can read, and name it in `url_file`";
            section.warning(found.line, "`url` holds a password", cure);
        }
        return Some(location);
    } else if let Some(found) = file {
        (found.line, secret::from_file("url_file", found.value, &folder.join(found.value), environment))
    } else if let Some(found) = variable {
        (found.line, secret::from_environment("url_env", found.value, environment))
    } else {
        return Some(Location::Sqlite(folder.join("vestibule.db")));
    };
    match read {
        Ok(read) => {
            if let Some((message, cure)) = read.exposed {
                section.warning(line, message, cure);
            }
            at(section, line, secret::exposed_text(&read.secret), folder)
        }
        Err(error) => {
            section.fault(line, error.message, error.cure);
            None
        }
    }
}

fn at(section: &mut Section<'_>, line: u32, url: &str, folder: &Path) -> Option<Location> {
    let cure = "write `sqlite:` and the path of a file, as in `sqlite:vestibule.db`, or \
                `postgres://ROLE@HOST/DATABASE`";
    let message = match url.split_once(':') {
        Some(("sqlite", rest)) => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if !path.is_empty() && !path.starts_with(':') && !path.contains(['?', '#', '\0']) {
                return Some(Location::Sqlite(folder.join(path)));
            }
            "the database URL names no file".to_owned()
        }
        Some(("postgres" | "postgresql", rest)) => match database_url::postgres(rest, folder) {
            Ok(location) => return Some(Location::Postgres(Box::new(location))),
            Err((message, cure)) => {
                section.fault(line, message, cure);
                return None;
            }
        },
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_lowercase()) && scheme.len() <= 16 => {
            format!("no database is reached by `{scheme}:`")
        }
        _ => "the database URL has no scheme".to_owned(),
    };
    section.fault(line, message, cure);
    None
}
