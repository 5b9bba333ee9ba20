//! Every page in every state: what it says, what it sends, and what it never lets through.
#![expect(clippy::unwrap_used, reason = "what fails here is a failing test")]

pub(crate) mod album;
pub(crate) mod gallery;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use vestibule::clock::Timestamp;
use vestibule::web::headers::{ResponseKind, headers};
use vestibule::web::i18n::Locale;
use vestibule::web::icons::Icon;
use vestibule::web::pages::{
    AccountPage, ErrorKind, ErrorPage, IdentityCard, Pages, PostPage, ProviderButton, RepostPage, SignInPage,
    Unavailable,
};
use vestibule::web::text::{Avatars, Text};

use gallery::{EN, ID, account, button, error, gallery, identity, pages};

/// Splits a page into its tags (without angle brackets) and the texts between them.
fn parse(html: &str) -> Vec<(&str, &str)> {
    let pieces = html.split('<').skip(1);
    pieces.map(|piece| piece.split_once('>').expect("every `<` opens a tag")).collect()
}

/// The value of an attribute, as it is written.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// What a person sees or hears, without the parts that are no language: code, and values in `<bdi>`.
fn words(html: &str) -> String {
    let mut silent = 0;
    let mut words = String::new();
    for (tag, text) in parse(html) {
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        match name {
            "bdi" | "code" | "script" | "time" => silent += 1,
            "/bdi" | "/code" | "/script" | "/time" => silent -= 1,
            _ => {}
        }
        for spoken in ["aria-label", "alt", "title", "placeholder"] {
            words.push_str(attribute(tag, spoken).unwrap_or_default());
        }
        if silent == 0 {
            words.push_str(text);
        }
        words.push('\n');
    }
    words.replace("&amp;", "").replace("&#x27;", "").replace("&quot;", "").replace("&#x2f;", "")
}

fn header(kind: ResponseKind, name: &str) -> Option<&'static str> {
    let mut found = headers(kind).iter().filter(|(header, _)| *header == name);
    let value = found.next().map(|(_, value)| *value);
    assert!(found.next().is_none(), "{name} stands twice");
    value
}

#[test]
fn every_message_is_used_by_some_page_and_none_is_missing() {
    let mut keys = BTreeSet::new();
    let marked = Locale::shipped().swap_remove(0).source.lines().fold(String::new(), |marked, line| {
        let line = match line.split_once(" =") {
            Some((key, value)) if line.starts_with(|c: char| c.is_ascii_lowercase()) => {
                keys.insert(key.to_owned());
                format!("{key} = ⟦{key}⟧{value}")
            }
            _ => line.to_owned(),
        };
        marked + &line + "\n"
    });
    let locale = Locale { tag: "en".to_owned(), source: marked, transform: None };
    let pages = Pages::with_locales(Avatars::Https, vec![locale]).unwrap();
    let mut used = BTreeSet::new();
    for html in gallery(&pages, EN).values() {
        used.extend(html.as_str().split('⟦').skip(1).map(|rest| rest.split('⟧').next().unwrap().to_owned()));
    }
    assert!(keys.len() > 100, "the messages were not found");
    assert_eq!(keys, used);
}

#[test]
fn no_word_comes_from_anywhere_but_the_messages() {
    fn strange(text: &str) -> Cow<'_, str> {
        text.chars().map(|c| if c.is_ascii_alphabetic() { '¤' } else { c }).collect()
    }
    let mut locales = Locale::shipped();
    locales.truncate(1);
    locales[0].transform = Some(strange);
    let pages = Pages::with_locales(Avatars::Https, locales).unwrap();
    for (name, html) in gallery(&pages, EN) {
        let left: String = words(html.as_str()).chars().filter(char::is_ascii_alphabetic).collect();
        // The letter that stands for an absent picture is the person's own.
        let left = if name.starts_with("account-") { left.trim_matches(['A', 'W']) } else { &left };
        assert_eq!(left, "", "{name}: {}", words(html.as_str()));
    }
}

#[test]
fn a_page_is_written_in_the_language_that_was_asked_for() {
    let mut locales = Locale::shipped();
    let hebrew = "sign-in-title = כניסה";
    locales.push(Locale { tag: "he".to_owned(), source: hebrew.to_owned(), transform: None });
    let pages = Pages::with_locales(Avatars::Https, locales).unwrap();
    let page = SignInPage { providers: vec![button("github", "GitHub")], ..SignInPage::default() };
    let html = pages.sign_in(pages.language(Some("he-IL, en;q=0.5")), &page).unwrap().into_string();
    assert!(html.contains("<html lang=\"he\" dir=\"rtl\">"), "{html}");
    assert!(html.contains("<h1>כניסה</h1>"));
    assert!(html.contains("Sign in with <bdi>GitHub</bdi>"), "what is not translated yet is English");
    let html = pages.sign_in(pages.language(Some("fr")), &page).unwrap().into_string();
    assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"));
}

#[test]
fn every_page_is_whole_and_has_a_title_a_heading_and_a_main_landmark() {
    let pages = pages();
    for (name, html) in gallery(&pages, EN) {
        let html = html.as_str();
        let mut open = Vec::new();
        let mut ids = BTreeSet::new();
        for (tag, _) in parse(html) {
            let element = tag.split([' ', '/', '\n']).next().unwrap_or_default();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{name}");
            } else if !tag.ends_with('/') && !["!doctype", "meta", "link", "input", "img"].contains(&element)
            {
                open.push(element);
            }
            if let Some(id) = attribute(tag, "id") {
                assert!(ids.insert(id), "{name}: the id `{id}` stands twice");
            }
        }
        assert_eq!(open, Vec::<&str>::new(), "{name}");
        for once in ["<title>", "<h1>", "<main ", "<header "] {
            assert_eq!(html.matches(once).count(), 1, "{name}: {once}");
        }
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"), "{name}");
        let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(title.ends_with(" · Vestibule") && title.len() > 15, "{name}: {title}");
    }
}

#[test]
fn no_page_needs_or_permits_inline_script_or_style() {
    for (name, html) in gallery(&pages(), EN) {
        let scripts = html.as_str().matches("<script").count();
        let one = ["send-", "account-"].iter().any(|kind| name.starts_with(kind));
        assert_eq!(scripts, usize::from(one), "{name}");
        assert!(!html.as_str().contains("<style"), "{name}");
        for (tag, _) in parse(html.as_str()) {
            assert!(attribute(tag, "style").is_none(), "{name}: {tag}");
            assert!(!tag.contains(" on"), "{name}: {tag}");
        }
    }
}

#[test]
fn every_answer_carries_a_policy_that_forbids_framing_and_inline_script() {
    let accounts = [ResponseKind::Account(Avatars::Https), ResponseKind::Account(Avatars::HttpsAndLoopback)];
    let documents = [ResponseKind::Page, accounts[0], accounts[1], ResponseKind::SelfSending];
    for kind in
        documents.into_iter().chain([ResponseKind::Asset, ResponseKind::OperatorIcon, ResponseKind::Data])
    {
        let policy = header(kind, "content-security-policy").unwrap();
        for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|part| part == directive), "{kind:?}: {policy}");
        }
        for word in ["unsafe", "form-action", " * ", "data:"] {
            assert!(!policy.contains(word), "{kind:?}: {policy}");
        }
        assert_eq!(header(kind, "x-content-type-options"), Some("nosniff"));
    }
    for kind in documents {
        assert_eq!(header(kind, "cache-control"), Some("no-store"), "{kind:?}");
        assert_eq!(header(kind, "referrer-policy"), Some("same-origin"), "{kind:?}");
        assert_eq!(header(kind, "cross-origin-opener-policy"), Some("same-origin"), "{kind:?}");
        assert_eq!(header(kind, "content-type"), Some("text/html; charset=utf-8"), "{kind:?}");
    }
    assert!(!header(ResponseKind::Page, "content-security-policy").unwrap().contains("script-src"));
}

#[test]
fn the_policy_names_the_script_that_the_page_has() {
    let repost = RepostPage { action: "/auth/apple/callback".to_owned(), fields: vec![] };
    for (html, kind) in [
        (pages().repost(EN, &repost).unwrap(), ResponseKind::SelfSending),
        (pages().account(EN, &account()).unwrap(), ResponseKind::Account(Avatars::Https)),
        (pages().account(EN, &account()).unwrap(), ResponseKind::Account(Avatars::HttpsAndLoopback)),
    ] {
        let script = html.as_str().split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
        let digest = vestibule::random::sha256(script.as_bytes());
        let policy = header(kind, "content-security-policy").unwrap();
        let hash = format!("script-src 'sha256-{}'", data_encoding::BASE64.encode(&digest));
        assert!(policy.split("; ").any(|part| part == hash), "{hash} in {policy}");
    }
}

#[test]
fn markup_in_any_text_comes_out_as_text() {
    const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;";
    let pages = pages();
    let mut shown = Vec::new();
    let providers = vec![
        ProviderButton { label: EVIL.into(), ..button("github", "") },
        ProviderButton {
            label: EVIL.into(),
            unavailable: Some(Unavailable::Failing),
            ..button("gitlab", "")
        },
        ProviderButton {
            icon: Icon::OperatorFile { url: "/x\"><script>alert(1)</script>".to_owned() },
            ..button("a", "a")
        },
    ];
    let page = SignInPage { providers, return_to: Some(EVIL.to_owned()), ..SignInPage::default() };
    shown.push(pages.sign_in(EN, &page).unwrap());
    let evil = || Some(Text::from(EVIL));
    let card =
        IdentityCard { label: EVIL.into(), login: evil(), name: evil(), email: evil(), ..identity("a", "") };
    let avatar_url = pages.avatar("https://a.example/\"><script>alert(1)</script>");
    assert!(avatar_url.is_some());
    let page =
        AccountPage { username: EVIL.into(), name: evil(), avatar_url, identities: vec![card], ..account() };
    shown.push(pages.account(EN, &page).unwrap());
    for kind in ErrorKind::ALL {
        let page = ErrorPage {
            request_id: EVIL.to_owned(),
            provider: evil(),
            detail: evil(),
            try_again: Some("/\"><script>alert(1)</script>".to_owned()),
            ..error(kind)
        };
        shown.push(pages.error(EN, &page).unwrap());
    }
    let fields = vec![(EVIL.to_owned(), EVIL.to_owned())];
    let page = RepostPage { action: "/a\"><script>alert(1)</script>".to_owned(), fields: fields.clone() };
    shown.push(pages.repost(EN, &page).unwrap());
    let page = PostPage { url: format!("https://idp.example/{EVIL}"), fields, provider: EVIL.into() };
    shown.push(pages.post_to_provider(EN, &page).unwrap());
    for html in shown {
        let html = html.as_str();
        assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)"), "the text itself is shown: {html}");
        for (tag, _) in parse(html) {
            assert!(!tag.starts_with("img src=x") && attribute(tag, "onerror").is_none(), "{tag}");
        }
    }
}

#[test]
fn an_address_that_runs_code_is_dropped() {
    let pages = pages();
    for url in ["javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "http://avatars.example/1"]
    {
        assert_eq!(pages.avatar(url), None, "{url}");
    }
    for path in ["javascript:alert(1)", "//evil.example", "https://evil.example/", "/\\evil.example"] {
        let page = ErrorPage { try_again: Some(path.to_owned()), ..error(ErrorKind::Internal) };
        let html = pages.error(EN, &page).unwrap().into_string();
        assert!(!html.contains("evil") && !html.contains("javascript"), "{path}");
        assert!(html.contains("<a class=\"button\" href=\"/\">"), "{path}");
        let page = RepostPage { action: path.to_owned(), fields: vec![] };
        assert!(pages.repost(EN, &page).is_err(), "{path}");
    }
    for url in
        ["javascript:alert(1)", "data:text/html,x", "http://idp.example/", "http://127.0.0.1/", "/x", ""]
    {
        let page = PostPage { url: url.to_owned(), fields: vec![], provider: "x".into() };
        assert!(pages.post_to_provider(EN, &page).is_err(), "{url}");
    }
    let on_loopback = Pages::new(Avatars::HttpsAndLoopback).unwrap();
    let page = PostPage { url: "http://127.0.0.1:8081/x".to_owned(), fields: vec![], provider: "x".into() };
    assert!(on_loopback.post_to_provider(EN, &page).is_ok());
}

#[test]
fn control_characters_and_reordering_marks_of_a_claim_do_not_reach_the_page() {
    let evil = "Ada\r\n\u{1b}[31m\u{202e}\u{2068}\u{2069}Lovelace\u{0}";
    let page = AccountPage { name: Some(evil.into()), identities: vec![identity("a", evil)], ..account() };
    let html = pages().account(EN, &page).unwrap().into_string();
    assert!(html.contains("<h1><bdi>Ada  \u{fffd}[31mLovelace\u{fffd}</bdi></h1>"), "{html}");
    let page =
        ErrorPage { provider: Some(evil.into()), detail: Some(evil.into()), ..error(ErrorKind::CodeExpired) };
    for html in [html, pages().error(EN, &page).unwrap().into_string()] {
        assert!(!html.contains(['\r', '\u{1b}', '\u{0}', '\u{202e}', '\u{2068}', '\u{2069}']), "{html:?}");
    }
}

#[test]
fn each_provider_is_a_form_that_works_without_script() {
    let providers = vec![button("github", "GitHub"), button("gitlab_corp", "Corp")];
    let return_to = Some("/wiki?a=1&b=\"2\"".to_owned());
    let page = SignInPage { providers, return_to, ..SignInPage::default() };
    let html = pages().sign_in(EN, &page).unwrap().into_string();
    let forms: Vec<_> = parse(&html).into_iter().filter(|(tag, _)| tag.starts_with("form ")).collect();
    let actions: Vec<_> = forms.iter().map(|(tag, _)| attribute(tag, "action").unwrap()).collect();
    assert_eq!(actions, ["/auth/github/begin", "/auth/gitlab_corp/begin"]);
    assert!(forms.iter().all(|(tag, _)| attribute(tag, "method") == Some("post")));
    let hidden = "<input type=\"hidden\" name=\"return_to\" value=\"&#x2f;wiki?a=1&amp;b=&quot;2&quot;\">";
    assert_eq!(html.matches(hidden).count(), 2, "{html}");
    assert_eq!(html.matches("<button type=\"submit\"").count(), 2);
    let page = SignInPage { return_to: None, ..page };
    assert!(!pages().sign_in(EN, &page).unwrap().as_str().contains("return_to"));
}

#[test]
fn the_preselected_provider_comes_first_and_has_the_focus() {
    let mut providers = vec![button("a", "A"), button("b", "B"), button("c", "C")];
    providers[1].preselected = true;
    providers[2].preselected = true;
    let html = |providers: &[ProviderButton]| {
        let page = SignInPage { providers: providers.to_vec(), ..SignInPage::default() };
        pages().sign_in(EN, &page).unwrap().into_string()
    };
    let order = |html: &str| -> Vec<String> {
        html.split("<bdi>").skip(1).map(|rest| rest.split("</bdi>").next().unwrap().to_owned()).collect()
    };
    let shown = html(&providers);
    assert_eq!(order(&shown), ["B", "A", "C"]);
    assert_eq!(shown.matches(" autofocus").count(), 1);
    assert_eq!(shown.matches("provider preselected").count(), 1);
    providers[1].unavailable = Some(Unavailable::Unreachable);
    providers[2].preselected = false;
    let shown = html(&providers);
    assert_eq!(order(&shown), ["A", "B", "C"]);
    assert!(!shown.contains("autofocus") && !shown.contains("preselected"));
}

#[test]
fn an_unavailable_provider_is_shown_with_its_reason_and_cannot_be_pressed() {
    let providers = vec![ProviderButton {
        unavailable: Some(Unavailable::Unreachable),
        preselected: true,
        ..button("github", "GitHub")
    }];
    let html = pages().sign_in(EN, &SignInPage { providers, ..SignInPage::default() }).unwrap().into_string();
    assert!(!html.contains("<form") && !html.contains("/auth/"));
    assert!(html.contains("disabled aria-describedby=\"why-github\""));
    assert!(html.contains("id=\"why-github\">Cannot be reached at the moment."));
}

#[test]
fn a_provider_that_failed_lately_is_greyed_with_its_reason_and_people_may_try_all_the_same() {
    for (why, said) in [
        (Unavailable::Unreachable, "Cannot be reached at the moment."),
        (Unavailable::RateLimited, "Takes no more sign-ins at the moment."),
        (Unavailable::Failing, "Out of order at the moment."),
    ] {
        let providers =
            vec![ProviderButton { unavailable: Some(why), may_try: true, ..button("github", "GitHub") }];
        let return_to = Some("/wiki".to_owned());
        let page = SignInPage { providers, return_to, ..SignInPage::default() };
        let html = pages().sign_in(EN, &page).unwrap().into_string();
        // The way in is greyed, and its reason is read out with it and with the way around.
        assert!(html.contains("class=\"provider\" disabled aria-describedby=\"why-github\""), "{html}");
        assert!(html.contains(&format!("id=\"why-github\">{said}")), "{html}");
        assert!(html.contains("class=\"all-the-same\" aria-describedby=\"why-github\""), "{html}");
        assert!(html.contains("Try <bdi>GitHub</bdi> all the same"), "{html}");
        assert_eq!(html.matches("<form method=\"post\" action=\"/auth/github/begin\">").count(), 1);
        assert!(html.contains("name=\"return_to\" value=\"&#x2f;wiki\""), "{html}");
    }
}

#[test]
fn without_providers_the_page_tells_the_operator_what_to_do() {
    let html = pages().sign_in(EN, &SignInPage::default()).unwrap().into_string();
    assert!(html.contains("[provider.github]") && html.contains("add a provider to its configuration"));
    assert!(!html.contains("<form"));
}

#[test]
fn hundreds_of_providers_fit_on_a_page() {
    let name = |i: usize| format!("p{i}");
    let providers = (0..1000).map(|i| button(&name(i), &name(i))).collect();
    let html = pages().sign_in(EN, &SignInPage { providers, ..SignInPage::default() }).unwrap().into_string();
    assert_eq!(html.matches("<form").count(), 1000);
}

#[test]
fn the_account_page_shows_the_identities_and_signs_out_by_a_form() {
    let html = &gallery(&pages(), EN)["account-rich"];
    let html = html.as_str();
    assert!(html.contains("<form method=\"post\" action=\"/logout\""));
    assert!(html.contains("<h1><bdi>Ada Lovelace</bdi></h1>") && html.contains("<dd>42</dd>"));
    assert_eq!(html.matches("<li class=\"identity\">").count(), 3);
    assert_eq!(html.matches(">Primary<").count(), 1);
    assert!(html.contains("<time datetime=\"2024-05-01T12:00:00Z\">1 May 2024</time>"), "{html}");
    assert!(
        html.contains("<time datetime=\"2024-11-01T09:30:00Z\">1 November 2024, 09:30 UTC</time>"),
        "{html}"
    );
    for state in [">verified<", ">not verified<", ">verification unknown<"] {
        assert_eq!(html.matches(state).count(), 1, "{state}");
    }
}

#[test]
fn a_moment_no_calendar_has_is_an_error_and_no_panic() {
    let card = IdentityCard { since: Timestamp::from_micros(i64::MAX), ..identity("a", "A") };
    let page = AccountPage { identities: vec![card], ..account() };
    assert!(pages().account(EN, &page).is_err());
}

#[test]
fn a_picture_is_shown_without_telling_its_host_who_looks() {
    let pages = pages();
    let page = AccountPage { avatar_url: pages.avatar("https://avatars.example/u/1?v=4&s=88"), ..account() };
    let html = pages.account(EN, &page).unwrap().into_string();
    let (image, _) = parse(&html).into_iter().find(|(tag, _)| tag.starts_with("img ")).unwrap();
    assert_eq!(attribute(image, "referrerpolicy"), Some("no-referrer"));
    assert_eq!(
        attribute(image, "src").unwrap().replace("&#x2f;", "/"),
        "https://avatars.example/u/1?v=4&amp;s=88"
    );
}

#[test]
fn every_error_says_what_happened_what_to_do_and_the_id_in_the_log() {
    let pages = pages();
    let mut titles = BTreeSet::new();
    for kind in ErrorKind::ALL {
        let html = pages.error(EN, &error(kind)).unwrap().into_string();
        assert!(html.contains(&format!("<code translate=\"no\">{ID}</code>")), "{kind:?}");
        let (_, title) = parse(&html).into_iter().find(|(tag, _)| *tag == "h1").unwrap();
        assert!(titles.insert(title.to_owned()), "two kinds are called `{title}`");
        assert_eq!(html.matches("<a class=\"button\"").count(), 1, "{kind:?}");
        assert!(!html.contains("provider is not none") && !html.contains("<bdi></bdi>"), "{kind:?}");
    }
}

#[test]
fn an_error_names_the_provider_quotes_it_and_says_when_to_come_back() {
    let page = ErrorPage {
        provider: Some("Corp GitLab".into()),
        detail: Some("no <b>thanks</b>".into()),
        retry_after: Some(Duration::from_millis(119_001)),
        try_again: Some("/login?return_to=%2Fx&a=b".to_owned()),
        ..error(ErrorKind::ProviderRateLimited)
    };
    let html = pages().error(EN, &page).unwrap().into_string();
    assert!(html.contains("and <bdi>Corp GitLab</bdi> takes no more for a while"), "{html}");
    assert!(html.contains("<figcaption><bdi>Corp GitLab</bdi> says:</figcaption>"));
    assert!(html.contains("<blockquote><bdi>no &lt;b&gt;thanks&lt;&#x2f;b&gt;</bdi></blockquote>"));
    assert!(html.contains("It should work again in <bdi>2</bdi> minutes."), "{html}");
    assert!(html.contains("href=\"&#x2f;login?return_to=%2Fx&amp;a=b\""));
    for blank in ["", "  \n"] {
        let page = ErrorPage { provider: Some(blank.into()), detail: Some(blank.into()), ..page.clone() };
        let html = pages().error(EN, &page).unwrap().into_string();
        assert!(html.contains("the provider") && !html.contains("<figure"), "{blank:?}");
    }
}

#[test]
fn a_callback_is_sent_again_with_its_fields_and_one_mark() {
    let fields: Vec<_> =
        [("code", "a/b+c=="), ("state", "s"), ("user", "{\"name\":\"Ada\"}"), ("again", "7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let page = RepostPage { action: "/auth/apple/callback".to_owned(), fields };
    let html = pages().repost(EN, &page).unwrap().into_string();
    let sent: Vec<_> = parse(&html)
        .into_iter()
        .filter(|(tag, _)| tag.starts_with("input "))
        .map(|(tag, _)| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap()))
        .collect();
    let user = "{&quot;name&quot;:&quot;Ada&quot;}";
    assert_eq!(sent, [("code", "a&#x2f;b+c=="), ("state", "s"), ("user", user), ("again", "1")]);
    assert!(html.contains("<form method=\"post\" action=\"&#x2f;auth&#x2f;apple&#x2f;callback\">"));
    assert!(html.contains("<button type=\"submit\""), "without script, a person sends it");
}

#[test]
fn neither_a_finished_page_nor_a_refusal_prints_what_it_was_given() {
    let canary = "canary_code_7f3a";
    let fields = vec![("code".to_owned(), canary.to_owned())];
    let page = RepostPage { action: "/auth/apple/callback".to_owned(), fields: fields.clone() };
    let html = pages().repost(EN, &page).unwrap();
    assert!(html.as_str().contains(canary) && !format!("{html:?}").contains(canary));
    let page = RepostPage { action: format!("//evil.example?code={canary}"), fields: fields.clone() };
    let refused = pages().repost(EN, &page).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains(canary), "{refused:?}");
    for url in [format!("http://evil.example/?state={canary}"), format!("https://:{canary}")] {
        let refused = pages()
            .post_to_provider(EN, &PostPage { url, fields: fields.clone(), provider: "x".into() })
            .unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains(canary), "{refused:?}");
    }
}

#[test]
fn one_set_of_pages_serves_every_thread() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&pages());
}

#[test]
fn a_form_for_the_provider_carries_only_what_the_provider_gets() {
    let page = PostPage {
        url: "https://idp.example/begin?x=1&y=2".to_owned(),
        fields: vec![("SAMLRequest".to_owned(), "a".to_owned())],
        provider: "Example ID".into(),
    };
    let html = pages().post_to_provider(EN, &page).unwrap().into_string();
    assert!(html.contains("action=\"https:&#x2f;&#x2f;idp.example&#x2f;begin?x=1&amp;y=2\""), "{html}");
    assert_eq!(html.matches("<input ").count(), 1);
    assert!(html.contains("Continue to <bdi>Example ID</bdi>"));
}

#[test]
fn every_file_that_a_page_names_is_served() {
    for (name, html) in gallery(&pages(), EN) {
        for (tag, _) in parse(html.as_str()).into_iter().filter(|(tag, _)| tag.starts_with("link ")) {
            let path = attribute(tag, "href").unwrap().replace("&#x2f;", "/");
            assert!(vestibule::web::assets::asset(&path).is_some(), "{name}: {path}");
        }
    }
}

/// Relative luminance (WCAG 2.2) of `#rrggbb`.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn text_and_borders_have_enough_contrast_in_light_and_dark() {
    let path = vestibule::web::assets::path_of("vestibule.css").unwrap();
    let css = std::str::from_utf8(&vestibule::web::assets::asset(path).unwrap().bytes).unwrap();
    let themes: Vec<_> =
        css.split(":root {").skip(1).take(2).map(|rest| rest.split('}').next().unwrap()).collect();
    for (name, theme) in ["light", "dark"].into_iter().zip(themes) {
        let colour = |variable: &str| {
            let (_, rest) = theme.split_once(&format!("--{variable}: ")).unwrap();
            luminance(rest.split(';').next().unwrap())
        };
        for (front, back, least) in [
            ("ink", "card", 7.0),
            ("ink", "ground", 7.0),
            ("ink", "raised", 7.0),
            ("muted", "card", 4.5),
            ("muted", "raised", 4.5),
            ("accent", "card", 4.5),
            ("accent", "accent-wash", 4.5),
            ("accent-strong", "accent-wash", 4.5),
            ("on-accent", "accent", 4.5),
            ("on-accent", "accent-strong", 4.5),
            ("good", "raised", 4.5),
            ("line-strong", "card", 3.0),
        ] {
            let (front_light, back_light) = (colour(front), colour(back));
            let (brighter, darker) = (front_light.max(back_light), front_light.min(back_light));
            let contrast = (brighter + 0.05) / (darker + 0.05);
            assert!(contrast >= least, "{name}: {front} on {back} has {contrast:.2}, not {least}");
        }
    }
}
