//! A plugin for the tests, which misbehaves on request: by the setting `behaviour` while it is made and inspected, by
//! `login_hint` or the setting `begin:…` in `begin`, by the callback's parameter `behaviour` in `complete`.
//!
//! Without one it signs everybody in. All of it goes through the SDK, as an author's mistakes and malice would.

use std::future::pending;
use std::panic::panic_any;

use vestibule_provider::prelude::*;
use vestibule_provider::{Begin, BeginRequest, Callback, Completed, Provider};

/// Settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the provider is: the one declared origin.
    idp: Url,
    /// A secret, bound to `/token` there and all below `/bound/`.
    client_secret: SecretHandle,
    /// What to do wrong while being made and inspected.
    #[serde(default)]
    behaviour: String,
}

/// The provider.
pub struct Misbehaving {
    config: Config,
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("canary-panic in a destructor");
        }
    }
}

/// A panic's payload whose destructor panics, with another such payload.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

/// What any place can do wrong.
async fn misbehave(behaviour: &str, handle: &str, host: Option<&Host>) -> Result<()> {
    match behaviour {
        "panic" => panic!("canary-panic on request"),
        "panic_bomb" => panic_any(Bomb),
        "panic_in_drop" => drop(PanicsInDrop),
        "stuck" => pending().await,
        // Gives way, so that it is the host's deadline that counts and not the load of the machine.
        "loop" => loop {
            std::thread::yield_now();
        },
        "error" => return Err(Error::refused("canary-error as asked\n\u{1b}[31mfor")),
        "handle_in_error" => return Err(Error::bad_answer(format_args!("it was {handle}"))),
        "handle_in_error_percent" => {
            return Err(Error::bad_answer(handle.bytes().map(|b| format!("%{b:02x}")).collect::<String>()));
        }
        "handle_in_log" => {
            if let Some(host) = host {
                host.log(Level::Warn, format_args!("it is {handle}"));
            }
        }
        "log" => {
            if let Some(host) = host {
                host.log(Level::Info, "canary-log \u{1b}[31mred\u{202e}");
            }
        }
        "log_flood" => {
            for (host, n) in host.into_iter().flat_map(|h| (0..1000).map(move |n| (h, n))) {
                host.log(Level::Info, format_args!("canary-flood {n} {}", "x".repeat(5000)));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Runs a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

impl Misbehaving {
    fn handle(&self) -> &str {
        self.config.client_secret.as_str()
    }

    /// The handle in another spelling, or in none: as the name's end says.
    fn spelled(&self, behaviour: &str) -> String {
        let handle = self.handle();
        match behaviour.rsplit_once("_in_").map(|(_, rest)| rest.split('_').next_back().unwrap_or_default()) {
            Some("percent") => handle.bytes().map(|b| format!("%{b:02X}")).collect(),
            Some("base64") => base64(format!("x{handle}y").as_bytes()),
            Some("json") => handle.bytes().map(|b| format!("\\u{b:04x}")).collect(),
            _ => handle.to_owned(),
        }
    }

    /// Sends what the callback's parameters describe, with the handle in the place of `{secret}`, and tells the answer.
    async fn send(&self, host: &Host, callback: &Callback) -> Result<UserInfo> {
        let param = |name: &str| callback.params.get(name).map(|p| self.fill(p.expose())).unwrap_or_default();
        let method = callback.params.get("method").map_or("GET", Sensitive::expose);
        let mut request = Request::new(method, param("url")).body(param("body"));
        for line in param("headers").split("|").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            request = request.header(name, value);
        }
        let response = host.send(request).await?;
        let body = String::from_utf8_lossy(response.body_bytes()).into_owned();
        let user = UserInfo::new(response.status().to_string()).name(Some(body.chars().take(200).collect()));
        Ok(user.login(response.header_value("location").map(str::to_owned)))
    }

    fn fill(&self, text: &str) -> String {
        let basic = base64(format!("client:{}", self.handle()).as_bytes());
        text.replace("{basic}", &basic)
            .replace("{base64}", &base64(self.handle().as_bytes()))
            .replace("{secret}", self.handle())
    }
}

impl Provider for Misbehaving {
    const NAME: &'static str = "misbehaving";
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        if let Some(behaviour) = config.behaviour.strip_prefix("configure:") {
            now(misbehave(behaviour, config.client_secret.as_str(), None)).unwrap_or(Ok(()))?;
        }
        Ok(Self { config })
    }

    #[expect(
        clippy::expect_used,
        reason = "a panic is what is asked for, and a wrong address is another one"
    )]
    fn inspect(&self) -> Inspect {
        if let Some(behaviour) = self.config.behaviour.strip_prefix("inspect:") {
            now(misbehave(behaviour, self.handle(), None))
                .unwrap_or(Ok(()))
                .expect("canary-panic in inspect");
        }
        let at = |path: &str| self.config.idp.join(path).expect("the address has a path");
        let inspect = Inspect::new(&Realm::new(&self.config.idp).expect("the address makes a realm"))
            .origin(&self.config.idp)
            .issuer("https://issuer.example")
            .pkce(Policy::Sent)
            .secret("client_secret", at("/token"))
            .secret("client_secret", at("/bound/"));
        match self.config.behaviour.as_str() {
            "inspect_undeclared_secret" => inspect.secret("other", at("/other")),
            "inspect_handle" => inspect.client_id(self.handle()),
            "inspect_metadata" => inspect.origin_from_metadata("token_endpoint"),
            "promises_issuer" => inspect.issuer_promised("https://issuer.example"),
            "inspect_more_hosts" => inspect.origin("https://more.example"),
            "inspect_wider_secret" => inspect.secret("client_secret", at("/wider/")),
            "inspect_http" => inspect.origin("http://192.0.2.1"),
            _ => inspect,
        }
    }

    async fn begin(&self, host: &Host, request: BeginRequest) -> Result<Begin> {
        let always = self.config.behaviour.strip_prefix("begin:");
        let behaviour = request.login_hint.as_deref().or(always).unwrap_or_default();
        misbehave(behaviour, self.handle(), Some(host)).await?;
        let challenge = request.code_challenge.as_deref().unwrap_or_default();
        let mut url = self.config.idp.join("authorize")?;
        url.query_pairs_mut()
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        if behaviour != "without_state" {
            url.query_pairs_mut().append_pair("state", &request.state);
        }
        match behaviour {
            "elsewhere" => url.set_host(Some("evil.example")).map_err(Error::from)?,
            "handle_in_url" | "handle_in_url_base64" | "handle_in_url_percent" => {
                url.query_pairs_mut().append_pair("hint", &self.spelled(behaviour));
            }
            "handle_in_fragment" => url.set_fragment(Some(self.handle())),
            "handle_in_post" => {
                let fields = vec![("hint".to_owned(), self.handle().to_owned())];
                return Ok(Begin::post(url, fields));
            }
            _ => {}
        }
        Ok(Begin::from(url).carry(match behaviour {
            "handle_in_carry" | "handle_in_carry_base64" => Some(self.spelled(behaviour)),
            "carry_too_long" => Some("c".repeat(2000)),
            _ => Some("carried".to_owned()),
        }))
    }

    async fn complete(&self, host: &Host, callback: Callback) -> Result<Completed> {
        let behaviour = callback.params.get("behaviour").map_or("", Sensitive::expose);
        misbehave(behaviour, self.handle(), Some(host)).await?;
        let user = UserInfo::new("42");
        Ok(match behaviour {
            "send" => self.send(host, &callback).await?.into(),
            "send_panicking_in_drop" => {
                let _guard = PanicsInDrop;
                self.send(host, &callback).await?.into()
            }
            "send_40" => {
                for _ in 0..40 {
                    self.send(host, &callback).await?;
                }
                user.into()
            }
            "handle_in_account" => UserInfo::new(self.handle()).into(),
            "handle_in_login"
            | "handle_in_login_base64"
            | "handle_in_login_percent"
            | "handle_in_login_json" => user.login(Some(self.spelled(behaviour))).into(),
            "handle_in_tokens" => Completed::with_tokens(user, TokenSet::new(self.handle().to_owned())),
            "nul_in_id" => UserInfo::new("a\0b").into(),
            "long_id" => UserInfo::new("a".repeat(256)).into(),
            "long_name" => user.name(Some("n".repeat(1 << 20))).into(),
            "tokens" => Completed::with_tokens(user, TokenSet::new("access-token")),
            _ => user.name(callback.carry.clone()).into(),
        })
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            text.push(if n <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

vestibule_provider::export_provider!(Misbehaving);
