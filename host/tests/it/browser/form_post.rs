//! A provider that answers by a form on its own page: Chromium sends no Lax cookie with a form from another site.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Chromium, Scripts};
use crate::world::World;

/// Another site, with one page.
pub(super) struct Stranger {
    /// On 127.0.0.1, which is not the site `localhost`.
    pub(super) url: String,
    served: JoinHandle<()>,
}

impl Stranger {
    /// A form that sends itself there, with these fields, which need no escaping; and a button for browsers without scripts.
    pub(super) async fn start(action: url::Url, fields: &[(String, String)]) -> Self {
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
            .collect();
        Self::showing(&format!(
            "<h1>Another site</h1><form method=\"post\" action=\"{action}\">{fields}<button>Send</button></form>\
             <script>document.forms[0].submit()</script>"
        ))
        .await
    }

    /// A page with this in it.
    pub(super) async fn showing(body: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let page =
            format!("<!doctype html><title>Another site</title><link rel=\"icon\" href=\"data:,\">{body}");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{page}",
            page.len()
        );
        let served = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0
                {
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, served }
    }

    /// One that posts what a provider answered.
    pub(super) async fn posting(callback: &url::Url) -> Self {
        let fields: Vec<_> = callback.query_pairs().into_owned().collect();
        let mut action = callback.clone();
        action.set_query(None);
        Self::start(action, &fields).await
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.served.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_by_form_signs_in_though_it_comes_without_cookies() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    let callback = world.callback_of(&browser, "octavia").await;
    let provider = Stranger::posting(&callback).await;
    browser.open(&provider.url).await;
    browser.arrives(world.at("/account")).await;
    browser.reads("Octavia Hubbard").await;
    assert_eq!(world.complaints(&browser).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_a_person_sends_the_answer_on_by_a_button() {
    let world = World::start().await;
    let browser = Chromium::start_with(Scripts::Off).await;
    let callback = world.callback_of(&browser, "octavia").await;
    let provider = Stranger::posting(&callback).await;
    browser.open(&provider.url).await;
    browser.presses("Send").await;
    browser.reads("One moment").await;
    assert_eq!(browser.text("main .aside").await, "If nothing happens, press the button.");
    assert_eq!(world.count("login_attempts").await, 1, "looking at the page uses nothing up");
    browser.presses("Continue").await;
    browser.arrives(world.at("/account")).await;
    browser.reads("Octavia Hubbard").await;
}
