//! How each step is met, so that the kill comes there and nowhere else.

use std::time::Duration;

use vestibule_demo_idp::visitor::forms;
use vestibule_demo_idp::{Endpoint, Fault};

use super::Step;
use super::base::{Base, Place};
use super::journey::Seen;
use super::trial::{Left, Trial};

impl<B: Base> Trial<B> {
    /// `took`: a sign-in with its sign-out, and its end after the last request to the provider.
    pub(super) async fn kill_at(&mut self, step: Step, took: (Duration, Duration)) -> Left {
        match step {
            Step::AnyMoment => self.kill_when_drawn(took.0, None).await,
            Step::AMomentAroundTheCommit => self.kill_when_drawn(took.1, Some(Endpoint::Emails)).await,
            Step::Storing(Place::AttemptInserted) | Step::Begun => self.kill_while_it_begins(step).await,
            Step::Answered | Step::SignedOut => self.kill_after_an_answer(step).await,
            Step::Storing(Place::SessionDeleted) | Step::SessionEnded => self.kill_while_it_ends(step).await,
            _ => self.kill_before_the_answer(step).await,
        }
    }

    async fn kill_when_drawn(&mut self, within: Duration, asked: Option<Endpoint>) -> Left {
        let moment = self.draw(within);
        let mut walk = self.walk();
        if let Some(endpoint) = asked {
            self.until_asked(endpoint).await;
        }
        let finished = tokio::time::timeout(moment, &mut walk).await;
        self.server.kill();
        let seen = match finished {
            Ok(seen) => seen.unwrap(),
            Err(_) => walk.await.unwrap(),
        };
        Left { seen, ..Left::default() }
    }

    /// Holds the server at that step: inside of the transaction, or behind it at the next line of its log.
    async fn hold(&self, step: Step) {
        match step {
            Step::Storing(place) => self.base.hold(place).await,
            Step::Waiting(endpoint) => self.idp.set_fault_times(endpoint, Fault::Stall, 1),
            Step::Begun | Step::Committed | Step::SessionEnded => self.server.hold_at_its_next_line(),
            other => panic!("nothing holds the server at {other:?}"),
        }
    }

    /// Lets the request run until it is held, kills the server, and finds that there was no answer.
    async fn kill_when_held<T: std::fmt::Debug, E: std::fmt::Debug>(
        &mut self,
        step: Step,
        request: impl Future<Output = Result<T, E>>,
    ) {
        let before = self.base.counts().await;
        tokio::pin!(request);
        let held = async {
            match step {
                Step::Storing(_) => self.base.until_held().await,
                Step::Waiting(endpoint) => self.until_asked(endpoint).await,
                Step::Begun => while self.base.counts().await.2 == before.2 {},
                _ => while self.base.counts().await.1 == before.1 {},
            }
        };
        tokio::select! {
            () = held => {}
            answer = &mut request => panic!("not held, but {answer:?}"),
        }
        self.server.kill();
        request.await.unwrap_err();
    }

    async fn kill_while_it_begins(&mut self, step: Step) -> Left {
        let mut visitor = self.installation.visitor();
        let login = format!("{}/login", self.installation.url()).parse().unwrap();
        let page = visitor.browser().visit(login).await.unwrap();
        let form = forms(&page.text()).into_iter().next().unwrap();
        self.hold(step).await;
        let button = form.buttons.first();
        self.kill_when_held(step, visitor.browser().submit(&page, &form, button)).await;
        Left { more: Some((0, 0, i64::from(step == Step::Begun))), ..Left::default() }
    }

    /// From the provider back to the answer, which never comes.
    async fn kill_before_the_answer(&mut self, step: Step) -> Left {
        let mut seen = Seen::default();
        seen.begin(&mut self.installation.visitor(), &self.person()).await.unwrap();
        if step == Step::AtTheProvider {
            self.server.kill();
        } else {
            self.hold(step).await;
            self.kill_when_held(step, seen.come_back()).await;
        }
        if step == Step::Storing(Place::AttemptDeleted) && !B::UNDOES_STATEMENTS {
            return Left { seen, ..Left::default() };
        }
        let usable = matches!(step, Step::AtTheProvider | Step::Storing(Place::AttemptDeleted));
        // A commit that was asked for happens, whether anybody is told or not.
        let stored = i64::from(matches!(step, Step::Committed | Step::Storing(Place::Committing)));
        let more = (stored * i64::from(self.is_new), stored, i64::from(usable));
        Left { seen, usable: Some(usable), more: Some(more) }
    }

    async fn signed_in(&self) -> Seen {
        let mut seen = Seen::default();
        seen.begin(&mut self.installation.visitor(), &self.person()).await.unwrap();
        seen.arrive().await.unwrap();
        seen
    }

    /// What was answered holds.
    async fn kill_after_an_answer(&mut self, step: Step) -> Left {
        let mut seen = self.signed_in().await;
        if step == Step::SignedOut {
            seen.sign_out(&self.installation.url()).await.unwrap();
        }
        self.server.kill();
        let more = (i64::from(self.is_new), i64::from(!seen.signed_out), 0);
        Left { seen, usable: Some(false), more: Some(more) }
    }

    /// A sign-out without an answer: it has happened, or it has not.
    async fn kill_while_it_ends(&mut self, step: Step) -> Left {
        let mut seen = self.signed_in().await;
        let url = self.installation.url();
        self.hold(step).await;
        self.kill_when_held(step, seen.sign_out(&url)).await;
        if step == Step::Storing(Place::SessionDeleted) && !B::UNDOES_STATEMENTS {
            return Left { seen, usable: Some(false), more: None };
        }
        let more = (i64::from(self.is_new), i64::from(step != Step::SessionEnded), 0);
        Left { seen, usable: Some(false), more: Some(more) }
    }
}
