//! The people who can sign in, and the organisations they are in. Knows no protocol: a personality decides what it shows.

/// Somebody with an account at the demo provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Stays for good; everything else may change.
    pub id: i64,
    /// The handle: may be changed, and then taken by somebody else.
    pub login: String,
    /// The display name, which many accounts lack.
    pub name: Option<String>,
    /// What the profile shows as e-mail: written by the person, proven by nobody.
    pub public_email: Option<String>,
    /// The addresses of the account.
    pub emails: Vec<Email>,
    /// Memberships, in the order in which they are listed.
    pub organizations: Vec<Organization>,
    /// Teams inside organisations.
    pub teams: Vec<Team>,
    /// Groups of which the person is a member directly: for GitLab full paths, as `acme/platform`.
    pub groups: Vec<String>,
    /// Groups of which the person is a member only because they are below one of those.
    pub inherited_groups: Vec<String>,
    /// The subject at OpenID providers, where it does not follow from the id; for GitLab digits, and there it is the
    /// REST API's id too.
    pub subject: Option<String>,
    /// What GitLab calls the account's state: `active`, `blocked`, `deactivated` …
    pub state: String,
    /// Whether GitLab has locked the account, after too many wrong passwords for instance.
    pub locked: bool,
    /// Whether choosing this person grants access; one who does not consent turns the application away.
    pub consents: bool,
}

/// One address of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether it is the account's main one.
    pub primary: bool,
    /// Whether its owner followed the provider's link.
    pub verified: bool,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The organisation's own id.
    pub id: i64,
    /// Its handle.
    pub login: String,
    /// An organisation that has not approved the application is missing from the list, without a word.
    pub approves_application: bool,
}

/// A team of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The team's own id.
    pub id: i64,
    /// The handle of its organisation.
    pub organization: String,
    /// The team's handle.
    pub slug: String,
}

impl Person {
    /// Somebody with one verified address at `example.org` and no organisation, who consents.
    pub fn new(id: i64, login: &str, name: &str) -> Self {
        Self {
            id,
            login: login.to_owned(),
            name: Some(name.to_owned()),
            public_email: None,
            emails: vec![Email { address: format!("{login}@example.org"), primary: true, verified: true }],
            organizations: Vec::new(),
            teams: Vec::new(),
            groups: Vec::new(),
            inherited_groups: Vec::new(),
            subject: None,
            state: "active".to_owned(),
            locked: false,
            consents: true,
        }
    }

    /// The account's main address.
    pub fn primary_email(&self) -> Option<&Email> {
        self.emails.iter().find(|email| email.primary)
    }

    /// Direct and inherited groups.
    pub fn all_groups(&self) -> Vec<&str> {
        self.groups.iter().chain(&self.inherited_groups).map(String::as_str).collect()
    }
}

impl Organization {
    /// One that approves the application.
    pub fn new(id: i64, login: &str) -> Self {
        Self { id, login: login.to_owned(), approves_application: true }
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The people whom every demo provider starts with, each for one thing that sign-in code gets wrong. Octavia, Kai, Ada and
/// Jo are in the group `acme`; Zoë is in `guests` and in `acme-fans`, Noor, Nadia and Adrienne are in none, and Beatriz is
/// in `acme/platform` alone, which is not `acme`.
pub fn cast() -> Vec<Person> {
    let mut octavia = Person::new(583_231, "octavia", "Octavia Hubbard");
    // The profile's address is not the account's: code that reads it stores an unproven one.
    octavia.public_email = Some("press@octavia.example".to_owned());
    octavia
        .emails
        .insert(0, Email { address: "old-octavia@example.net".to_owned(), primary: false, verified: true });
    octavia.emails.push(Email { address: "ceo@example.com".to_owned(), primary: false, verified: false });
    octavia.organizations =
        vec![Organization::new(9_919, "acme"), Organization::new(5_430_905, "ferris-club")];
    octavia.teams = vec![Team { id: 1, organization: "acme".to_owned(), slug: "platform".to_owned() }];
    octavia.groups = names(&["acme"]);
    octavia.inherited_groups = names(&["acme/platform"]);

    let mut kai = Person::new(1_024_025, "kai", "");
    kai.name = None;
    kai.organizations = vec![
        Organization::new(9_919, "acme"),
        Organization { approves_application: false, ..Organization::new(77, "secretive") },
    ];

    kai.groups = names(&["staff", "acme"]);

    // 2^53 + 1: the first id that a double rounds to its neighbour's. Where ids may be larger still, 2^64 + 1.
    let mut beatriz = Person::new(9_007_199_254_740_993, "beatriz-big", "Beatriz Grande");
    beatriz.subject = Some("18446744073709551617".to_owned());
    beatriz.groups = names(&["acme/platform"]);

    let mut noor = Person::new(40_404, "noor", "Noor Unproven");
    noor.emails = vec![Email { address: "noor@example.org".to_owned(), primary: true, verified: false }];

    let mut zoe = Person::new(77_001, "zoe-mueller", "Zoë Müller-佐藤 🦊");
    zoe.groups = names(&["guests", "acme-fans"]);

    let mut many = Person::new(88_002, "joiner", "Jo Joins Everything");
    many.organizations =
        (1..=130_i64).map(|n| Organization::new(100_000 + n, &format!("club-{n:03}"))).collect();
    many.groups = (1..=130).map(|n| format!("club-{n:03}")).chain(names(&["acme"])).collect();

    // Handles that meet a username rule: a reserved word, and the underscore of managed accounts.
    let admin = Person::new(2, "admin", "Adrienne Min");
    let mut ada = Person::new(3_141_592, "ada_acme", "Ada of Acme");
    ada.groups = names(&["acme"]);

    let mut refuser = Person::new(66_006, "nadia-no", "Nadia Says No");
    refuser.consents = false;

    vec![octavia, kai, beatriz, noor, zoe, many, admin, ada, refuser]
}

/// People of GitLab's whose accounts are no longer let in, though a token of theirs may still work.
pub fn turned_away() -> Vec<Person> {
    let mut blocked = Person::new(55_001, "bo-blocked", "Bo Blocked");
    blocked.state = "blocked".to_owned();
    let mut locked = Person::new(55_002, "lou-locked", "Lou Locked");
    locked.locked = true;
    vec![blocked, locked]
}
