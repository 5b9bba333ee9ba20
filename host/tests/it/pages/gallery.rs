//! One of each: every page in every state that it has.

use std::collections::BTreeMap;
use std::time::Duration;

use vestibule::clock::Timestamp;
use vestibule::web::i18n::Language;
use vestibule::web::icons::Icon;
use vestibule::web::pages::{
    AccountPage, EmailVerified, ErrorKind, ErrorPage, Html, IdentityCard, Notice, Pages, PostPage,
    ProviderButton, RepostPage, SignInPage, Unavailable,
};
use vestibule::web::text::{Avatars, Text};

pub(crate) const EN: Language = Language::REFERENCE;
pub(crate) const ID: &str = "k7q2m4xw9z3c5v6b";

pub(crate) fn pages() -> Pages {
    Pages::new(Avatars::Https).unwrap()
}

pub(crate) fn button(name: &str, label: &str) -> ProviderButton {
    ProviderButton {
        name: name.parse().unwrap(),
        label: label.into(),
        icon: Icon::builtin(name),
        preselected: false,
        unavailable: None,
        may_try: false,
    }
}

pub(crate) fn identity(name: &str, label: &str) -> IdentityCard {
    IdentityCard {
        provider: name.parse().unwrap(),
        label: label.into(),
        icon: Icon::builtin(name),
        login: Some("ada".into()),
        name: Some("Ada Lovelace".into()),
        email: Some("ada@analytical.example".into()),
        email_verified: EmailVerified::Yes,
        since: Timestamp::from_micros(1_714_564_800_000_000),
        last_sync: Timestamp::from_micros(1_730_453_400_000_000),
        primary: false,
    }
}

pub(crate) fn account() -> AccountPage {
    AccountPage {
        user_id: 42,
        username: "ada".into(),
        name: Some("Ada Lovelace".into()),
        avatar_url: None,
        identities: vec![IdentityCard { primary: true, ..identity("github", "GitHub") }],
    }
}

pub(crate) fn error(kind: ErrorKind) -> ErrorPage {
    ErrorPage::new(kind, ID)
}

/// Every page in every state, by a name that is good for a file.
pub(crate) fn gallery(pages: &Pages, language: Language) -> BTreeMap<String, Html> {
    let mut shown = BTreeMap::new();
    let corporate = ProviderButton {
        icon: Icon::OperatorFile { url: "/assets/provider/gitlab_corp".to_owned() },
        ..button("gitlab_corp", "Corp GitLab")
    };
    let three =
        vec![button("github", "GitHub"), button("gitlab", "GitLab.com"), button("oidc", "Example ID")];
    let mut sign_in = |name: &str, page: SignInPage| {
        shown.insert(format!("sign-in-{name}"), pages.sign_in(language, &page).unwrap());
    };
    sign_in("plain", SignInPage { providers: three.clone(), ..SignInPage::default() });
    let mut chosen = three.clone();
    chosen.push(corporate);
    chosen[1].preselected = true;
    let return_to = Some("/wiki?page=a&b=c".to_owned());
    let notice = Some(Notice::SignInFirst);
    sign_in("preselected", SignInPage { providers: chosen, return_to, notice, ..SignInPage::default() });
    let mut broken = three.clone();
    broken[0].unavailable = Some(Unavailable::Misconfigured);
    broken[1].unavailable = Some(Unavailable::Unreachable);
    broken[1].may_try = true;
    broken[2].unavailable = Some(Unavailable::RateLimited);
    broken[2].may_try = true;
    broken.push(ProviderButton { unavailable: Some(Unavailable::Failing), ..button("oauth2", "Old Login") });
    let notice = Some(Notice::SignedOut);
    sign_in(
        "unavailable",
        SignInPage { providers: broken, notice, signup_closed: true, ..SignInPage::default() },
    );
    sign_in("none", SignInPage::default());
    let one = vec![button("github", "GitHub")];
    sign_in(
        "ended",
        SignInPage { providers: one, notice: Some(Notice::SessionEnded), ..SignInPage::default() },
    );
    let long = "An organisation whose name nobody ever thought of shortening, ".repeat(3) + &"w".repeat(90);
    let wide = vec![button("github", &long), button("unheard_of", "כניסה עם חשבון")];
    sign_in("long", SignInPage { providers: wide, ..SignInPage::default() });

    let mut rich = account();
    rich.identities.push(IdentityCard {
        email_verified: EmailVerified::No,
        email: Some("ada.lovelace@a-very-long-subdomain.of-a-very-long-domain.example".into()),
        ..identity("gitlab", "GitLab.com")
    });
    rich.identities.push(IdentityCard {
        login: None,
        name: None,
        email_verified: EmailVerified::Unknown,
        ..identity("unheard_of", "כניסה עם חשבון")
    });
    let nobody = AccountPage {
        name: None,
        username: "---".into(),
        identities: vec![],
        user_id: i64::MAX,
        ..account()
    };
    let long =
        AccountPage { name: Some("W".repeat(255).into()), username: "w".repeat(39).into(), ..account() };
    let right_to_left = AccountPage { name: Some("عدي بن محمد".into()), ..account() };
    for (name, page) in [
        ("plain", account()),
        ("rich", rich),
        ("nobody", nobody),
        ("long", long),
        ("right-to-left", right_to_left),
    ] {
        shown.insert(format!("account-{name}"), pages.account(language, &page).unwrap());
    }

    for kind in ErrorKind::ALL {
        let bare = pages.error(language, &error(kind)).unwrap();
        shown.insert(format!("error-{}-bare", kind.key()), bare);
        let full = ErrorPage {
            provider: Some("Corp GitLab".into()),
            try_again: Some("/login?return_to=%2Fwiki".to_owned()),
            ..error(kind)
        };
        shown.insert(format!("error-{}", kind.key()), pages.error(language, &full).unwrap());
    }
    for seconds in [1, 20, 600, 7200] {
        let retry_after = Some(Duration::from_secs(seconds));
        let page = ErrorPage { retry_after, ..error(ErrorKind::ProviderRateLimited) };
        shown.insert(format!("error-wait-{seconds}"), pages.error(language, &page).unwrap());
    }
    for (name, provider) in [("named", Some(Text::from("GitHub"))), ("unnamed", None)] {
        let detail = Some("The user has denied your application access.".into());
        let page = ErrorPage { detail, provider, ..error(ErrorKind::DeniedByPerson) };
        shown.insert(format!("error-said-{name}"), pages.error(language, &page).unwrap());
    }

    let fields = vec![("code".to_owned(), "abc".to_owned()), ("state".to_owned(), "def".to_owned())];
    let page = RepostPage { action: "/auth/apple/callback".to_owned(), fields: fields.clone() };
    shown.insert("send-again".to_owned(), pages.repost(language, &page).unwrap());
    let page =
        PostPage { url: "https://idp.example/begin?x=1".to_owned(), fields, provider: "Example ID".into() };
    shown.insert("send-to-provider".to_owned(), pages.post_to_provider(language, &page).unwrap());
    shown
}
