//! One installation that is killed again and again, and what must be so each time.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinHandle;
use vestibule_demo_idp::{DemoIdp, Endpoint, Options, Person};

use super::Step;
use super::base::{Base, Counts};
use super::journey::{Gone, Seen};
use super::server::Server;
use crate::process::Installation;

/// What a kill leaves.
#[derive(Default)]
pub(super) struct Left {
    pub(super) seen: Seen,
    /// Whether the callback works now; not said where the moment was drawn.
    pub(super) usable: Option<bool>,
    /// How many users, sessions and attempts there are more; as above.
    pub(super) more: Option<Counts>,
}

pub(super) struct Trial<B> {
    pub(super) installation: Installation,
    pub(super) idp: DemoIdp,
    pub(super) base: B,
    pub(super) server: Server,
    people: i64,
    /// Whether the last of them has no user yet.
    pub(super) is_new: bool,
    /// Sessions of which somebody was told that they have ended.
    ended: BTreeSet<String>,
    /// Sessions that nobody has ended.
    open: BTreeSet<String>,
    random: u64,
}

impl<B: Base> Trial<B> {
    pub(super) async fn start() -> Self {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let base = B::new(&installation).await;
        installation.configure_for(&idp, &base.section());
        let server = Server::start(&mut installation.command());
        let (ended, open) = (BTreeSet::new(), BTreeSet::new());
        Self { installation, idp, base, server, people: 0, is_new: false, ended, open, random: 4711 }
    }

    #[expect(clippy::print_stderr, reason = "which kill it was is said where a test fails")]
    pub(super) async fn run(mut self, plan: &[(Step, usize)]) {
        // Somebody who has been here before, and the measure of the moments.
        self.newcomer();
        let took = self.measure().await;
        let steps = plan.iter().flat_map(|(step, times)| (0..*times).map(|round| (*step, round)));
        for (step, round) in steps {
            eprintln!("killed at {step:?}, round {round}");
            if step.is_verbose() {
                self.server.kill();
                self.base.after_the_kill(false).await;
                self.server = Server::start_verbose(&mut self.installation.command());
            }
            if step.is_of_a_newcomer(round) {
                self.newcomer();
            }
            self.idp.clear_requests();
            let before = self.base.counts().await;
            let left = self.kill_at(step, took).await;
            let held = matches!(step, Step::Storing(_));
            self.base.after_the_kill(held).await;
            self.server = Server::start(&mut self.installation.command());
            self.base.after_the_start(held).await;
            self.is_right(before, left).await;
        }
        for (sessions, status) in [(&self.open, 200), (&self.ended, 401)] {
            for session in sessions {
                assert_eq!(self.installation.me(session).await, status);
            }
        }
    }

    fn newcomer(&mut self) {
        self.people += 1;
        self.is_new = true;
        self.idp.add_person(Person::new(1_000_000 + self.people, &self.person(), "Somebody"));
    }

    pub(super) fn person(&self) -> String {
        format!("person-{}", self.people)
    }

    /// How long a sign-in with a sign-out takes, and the part of it after the provider was asked for the last time.
    async fn measure(&mut self) -> (Duration, Duration) {
        let mut took = (Duration::MAX, Duration::MAX);
        for _ in 0..3 {
            self.idp.clear_requests();
            let start = tokio::time::Instant::now();
            let walk = self.walk();
            self.until_asked(Endpoint::Emails).await;
            let asked = start.elapsed();
            let seen = walk.await.unwrap();
            assert!(seen.signed_out);
            // The shortest: a longer one is another program's doing, and most kills would come after the end.
            took = (took.0.min(start.elapsed()), took.1.min(start.elapsed() - asked));
            self.ended.extend(seen.session);
        }
        self.is_new = false;
        took
    }

    /// A browser that goes in and out again, as far as it comes.
    pub(super) fn walk(&self) -> JoinHandle<Seen> {
        let (mut visitor, person, url) =
            (self.installation.visitor(), self.person(), self.installation.url());
        tokio::spawn(async move {
            let mut seen = Seen::default();
            let _: Result<(), Gone> = async {
                seen.begin(&mut visitor, &person).await?;
                seen.arrive().await?;
                seen.sign_out(&url).await
            }
            .await;
            seen
        })
    }

    pub(super) async fn until_asked(&self, endpoint: Endpoint) {
        while self.idp.requests_to(endpoint).is_empty() {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn draw(&mut self, below: Duration) -> Duration {
        // A linear congruential generator, with Knuth's constants, is random enough to scatter kills.
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let micros = u64::try_from(below.as_micros()).unwrap().max(1);
        Duration::from_micros((self.random >> 33) % micros)
    }

    async fn is_right(&mut self, before: Counts, left: Left) {
        assert_eq!(self.base.faults().await, [""; 0]);
        let (users, sessions, attempts) = self.base.counts().await;
        let more = (users - before.0, sessions - before.1, attempts - before.2);
        assert_eq!(left.more.unwrap_or(more), more, "users, sessions and attempts more");
        let new = i64::from(self.is_new);
        assert!((0..=new).contains(&more.0), "{more:?}");

        let Seen { session, signs_out, signed_out, .. } = &left.seen;
        if let Some(session) = session {
            assert_eq!(more.0, new, "the person has a session and no user");
            match self.installation.me(session).await {
                200 => assert!(!signed_out && self.open.insert(session.clone())),
                401 => assert!(*signs_out && self.ended.insert(session.clone())),
                other => panic!("{other}"),
            }
        }
        if left.seen.callback.is_some() {
            self.works_once_at_most(&left).await;
        }
        let person = self.person();
        self.installation.visitor().sign_in("github", Some(&person)).await.unwrap();
        self.is_new = false;
        assert_eq!(self.base.counts().await.0, before.0 + new, "users");
        assert_eq!(self.base.faults().await, [""; 0]);
    }

    /// The same callback twice more, from the browser that has begun.
    async fn works_once_at_most(&mut self, left: &Left) {
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (status, session) = left.seen.come_back().await.unwrap();
            self.open.extend(session);
            answers.push(status);
        }
        let usable = left.usable.unwrap_or(answers[0] == 303);
        assert_eq!(answers, [if usable { 303 } else { 400 }, 400]);
        assert!(!(usable && left.seen.session.is_some()), "a state that had signed in worked again");
        let (callback, _) = left.seen.callback.as_ref().unwrap();
        let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let sent = self.idp.requests_to(Endpoint::Token);
        let sent = sent.iter().filter(|request| request.form_param("code").as_ref() == Some(&code)).count();
        assert!(sent <= 1, "the code was sent {sent} times");
    }
}
