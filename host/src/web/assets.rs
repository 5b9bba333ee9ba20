//! The files that pages load: one stylesheet and the mark. They are inside the program and have their content's hash
//! in their path, so that a browser may keep them for good and a new version is fetched at once.

use std::sync::LazyLock;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "assets/"]
struct Files;

/// A file ready to be served.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The content.
    pub bytes: Bytes,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `ETag`: SHA-256 in hexadecimal, with its quotation marks.
    pub etag: String,
    /// The only path it is served at: `/assets/vestibule.0123456789abcdef.css`.
    pub path: String,
    name: String,
}

static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| Files::iter().filter_map(|name| load(&name)).collect());

fn load(name: &str) -> Option<Asset> {
    // The drawings below `icons/` are written into pages and served nowhere.
    if name.contains('/') {
        return None;
    }
    let file = Files::get(name)?;
    let digest = HEXLOWER.encode(&file.metadata.sha256_hash());
    let (stem, extension) = name.rsplit_once('.')?;
    let content_type = match extension {
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    Some(Asset {
        bytes: match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        },
        content_type,
        path: format!("/assets/{stem}.{}.{extension}", digest.get(..16)?),
        etag: format!("\"{digest}\""),
        name: name.to_owned(),
    })
}

/// The file that is served at a path, which begins with `/assets/`.
pub fn asset(path: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.path == path)
}

/// All of them.
pub fn all() -> &'static [Asset] {
    &ALL
}

/// Where a file of `host/assets/` is served: `path_of("vestibule.css")`.
pub fn path_of(name: &str) -> Option<&'static str> {
    ALL.iter().find(|asset| asset.name == name).map(|asset| asset.path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_served_at_the_path_that_holds_its_hash_and_at_no_other() {
        let path = path_of("vestibule.css").unwrap();
        let css = asset(path).unwrap();
        let digest = HEXLOWER.encode(&crate::random::sha256(&css.bytes));
        assert_eq!(css.etag, format!("\"{digest}\""));
        assert_eq!(path, format!("/assets/vestibule.{}.css", &digest[..16]));
        for other in
            ["/assets/vestibule.css", "/assets/", "/assets/../Cargo.toml", "/assets/icons/key.svg", ""]
        {
            assert!(asset(other).is_none(), "{other}");
        }
    }

    #[test]
    fn no_file_loads_anything_from_elsewhere() {
        for asset in all() {
            let text = std::str::from_utf8(&asset.bytes).unwrap();
            for word in ["@import", "url(", "<script", "href="] {
                assert!(!text.contains(word), "`{word}` in {}", asset.name);
            }
        }
    }
}
