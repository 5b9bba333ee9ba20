//! What a provider may do wrong, and a host may send wrong, through the table's bytes.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use serde_json::{Value, json};
use vestibule_abi::message::{Attachments, MAX_OPEN_REQUESTS, MAX_REQUESTS, Message};
use vestibule_abi::record::{
    Answer, CreateRequest, HostInfo, HttpResponse, StartRequest, StepAnswer, StepRequest, code, state,
};

use super::driver::{Driven, DrivenOperation, describe};
use crate::prelude::*;
use crate::{Begin, BeginRequest, Callback, Completed, Provider};

/// Misbehaves as its settings say.
struct Odd {
    mode: String,
    dropped: Arc<AtomicUsize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What to do.
    mode: String,
}

thread_local! {
    /// How many providers of this thread were dropped.
    static DROPPED: Arc<AtomicUsize> = Arc::default();
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        if self.mode == "panic in destroy" {
            panic!("destroyed");
        }
    }
}

struct PanicsOnDrop;
impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

async fn get(host: &Host, n: usize) -> Result<u16> {
    Ok(host.send(Request::get(format!("https://idp.example/{n}"))).await?.status())
}

/// Pending once, without a request of its own.
async fn step_passes() {
    let mut passed = false;
    poll_fn(|_| if std::mem::replace(&mut passed, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// All at once: what `join_all` does.
async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|f| (Box::pin(f), None)).collect();
    poll_fn(move |cx| {
        for (future, output) in &mut running {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(cx)
            {
                *output = Some(ready);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) {
            Poll::Ready(running.iter_mut().filter_map(|(_, output)| output.take()).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}

/// Polls a future only after its own waker was woken, as `FuturesUnordered` does.
async fn only_woken<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let mut running: Vec<_> =
        futures.into_iter().map(|f| (Box::pin(f), Arc::new(Flag(true.into())), None)).collect();
    poll_fn(move |_| {
        for (future, flag, output) in &mut running {
            if flag.0.swap(false, Ordering::SeqCst)
                && let Poll::Ready(ready) =
                    future.as_mut().poll(&mut Context::from_waker(&Arc::clone(flag).into()))
            {
                *output = Some(ready);
            }
        }
        if running.iter().all(|(_, _, output)| output.is_some()) {
            Poll::Ready(running.iter_mut().filter_map(|(_, _, output)| output.take()).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}

struct PanickingWaker;
impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

impl Provider for Odd {
    const NAME: &'static str = "odd";
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        match config.mode.as_str() {
            "panic in configure" => panic!("configured"),
            "refuse" => Err(Error::bad_settings("`mode` refuses")),
            _ => Ok(Self { mode: config.mode, dropped: DROPPED.with(Arc::clone) }),
        }
    }

    fn inspect(&self) -> Inspect {
        if self.mode == "panic in inspect" {
            panic!("inspected");
        }
        Inspect::new(&Realm::new(&Url::parse("https://idp.example").unwrap()).unwrap())
            .origin("https://idp.example")
    }

    async fn begin(&self, host: &Host, _: BeginRequest) -> Result<Begin> {
        let _guard = (self.mode == "panic in drop").then(|| PanicsOnDrop);
        match self.mode.as_str() {
            "panic at once" => panic!("began"),
            "panic late" => {
                get(host, 1).await?;
                panic!("began late")
            }
            "payload" => std::panic::panic_any(PanicsOnDrop),
            "stuck" => pending().await,
            "stuck after a request" => {
                get(host, 1).await?;
                pending().await
            }
            "twenty" => {
                let got = all((0..20).map(|n| get(host, n))).await;
                let sum: u16 = got.into_iter().collect::<Result<Vec<_>>>()?.into_iter().sum();
                return Ok(Begin::redirect(sum.to_string()));
            }
            "only woken" => {
                // Each goes on after its first answer, so it is to be woken twice.
                let twice = async |n: usize| Ok::<_, Error>(get(host, n).await? + get(host, n).await?);
                let got = only_woken((0..10).map(twice)).await;
                let sum: u16 = got.into_iter().collect::<Result<Vec<_>>>()?.into_iter().sum();
                return Ok(Begin::redirect(sum.to_string()));
            }
            "panic in a waker" => {
                let mut one = Box::pin(get(host, 1));
                let waker = Arc::new(PanickingWaker).into();
                poll_fn(|_| one.as_mut().poll(&mut Context::from_waker(&waker))).await?;
            }
            "abandon" => {
                {
                    let mut one = Box::pin(get(host, 1));
                    poll_fn(|cx| {
                        let _ = one.as_mut().poll(cx);
                        Poll::Ready(())
                    })
                    .await;
                    get(host, 2).await?;
                }
                return Ok(Begin::redirect(get(host, 3).await?.to_string()));
            }
            "abandon eight" => {
                for n in 0..MAX_OPEN_REQUESTS {
                    let mut one = Box::pin(get(host, n));
                    poll_fn(|cx| {
                        let _ = one.as_mut().poll(cx);
                        Poll::Ready(())
                    })
                    .await;
                    // Sent before it is dropped: a step passes.
                    step_passes().await;
                }
                return Ok(Begin::redirect(get(host, 9).await?.to_string()));
            }
            "many" => {
                for n in 0..=MAX_REQUESTS {
                    get(host, n).await?;
                }
            }
            "huge result" => return Ok(Begin::redirect("x".repeat(300_000))),
            "huge request" => {
                host.send(Request::post("https://idp.example/").body(vec![0; 1024 * 1024 + 1])).await?;
            }
            "huge head" => {
                let headers = (0..8).map(|n| {
                    host.send(Request::get("https://idp.example").header("x", n.to_string().repeat(40_000)))
                });
                all(headers).await;
            }
            "chatty" => {
                for n in 0..100 {
                    host.log(Level::Info, format_args!("line {n}\n{}", "x".repeat(2000)));
                }
            }
            "ask" => return Ok(Begin::redirect(get(host, 1).await?.to_string())),
            "draw" => {
                let draws = [host.random(), host.random()];
                let now = host.now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_micros();
                return Ok(Begin::redirect(format!("{draws:?} {now} {}", host.provides("http/1"))));
            }
            _ => {}
        }
        Ok(Begin::redirect("https://idp.example"))
    }

    async fn complete(&self, _: &Host, callback: Callback) -> Result<Completed> {
        Ok(UserInfo::new(callback.param("id")?).into())
    }
}

fn create(mode: &str) -> Result<Driven> {
    let host = HostInfo { version: String::new(), provides: vec!["http/1".to_owned()] };
    Driven::create::<Odd>(&CreateRequest { settings: json!({ "mode": mode }), host })
}

fn request(operation: &str, request: Value) -> StartRequest {
    StartRequest { operation: operation.to_owned(), now_us: 5, entropy: "0f".repeat(32), request }
}

fn begin(mode: &str) -> DrivenOperation {
    let begin = json!({ "redirect_uri": "https://login.example/", "state": "s" });
    create(mode).unwrap().start(&request("begin", begin)).unwrap()
}

fn step(operation: &mut DrivenOperation, answers: Vec<Answer>) -> StepAnswer {
    let message = Message::new(&StepRequest { answers }).unwrap();
    operation.step(&message).unwrap().0
}

fn ok(id: u32, status: u16) -> Answer {
    let response = serde_json::to_value(HttpResponse { status, headers: Vec::new(), body: None }).unwrap();
    Answer { id, response: Some(response), error: None }
}

#[track_caller]
fn fails(answer: &StepAnswer, code: u32, message: &str) {
    assert_eq!(answer.state, state::DONE);
    let error = answer.error.as_ref().expect("a failure");
    assert_eq!(error.code, code, "{}", error.message);
    assert!(error.message.contains(message), "{}", error.message);
    assert!(answer.result.is_none());
}

fn redirected(answer: &StepAnswer) -> &str {
    answer.result.as_ref().expect("a result")["redirect"]["url"].as_str().unwrap()
}

#[test]
fn describes_itself_before_it_has_settings() {
    let description = describe::<Odd>().unwrap();
    assert_eq!(description.name, "odd");
    assert_eq!(description.requires, ["http/1"]);
    assert_eq!(description.operations, ["inspect", "begin", "complete"]);
    assert_eq!(description.settings_schema["properties"]["mode"]["description"], "What to do.");
}

#[test]
fn a_panic_anywhere_is_the_error_of_that_call() {
    let error = create("panic in configure").err().unwrap();
    assert_eq!(error.code(), code::PANIC);
    assert!(error.message().contains("configured"), "{error}");
    let inspect = create("panic in inspect").unwrap().start(&request("inspect", Value::Null)).unwrap();
    fails(&step(&mut { inspect }, vec![]), code::PANIC, "inspected");
    fails(&step(&mut begin("panic at once"), vec![]), code::PANIC, "provider-sdk/src/glue/tests.rs:");
    fails(&step(&mut begin("payload"), vec![]), code::PANIC, "something that is no text");
    fails(&step(&mut begin("panic in drop"), vec![]), code::PANIC, "dropped");
    let mut late = begin("panic late");
    let id = step(&mut late, vec![]).requests[0].id;
    fails(&step(&mut late, vec![ok(id, 200)]), code::PANIC, "began late");
    // A cancelled operation and a provider whose destructor panics: nobody is left to be told.
    drop(begin("panic in drop"));
    drop(create("panic in destroy").unwrap());
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let error = create("refuse").err().unwrap();
    assert_eq!((error.code(), error.message()), (code::BAD_SETTINGS, "`mode` refuses"));
    let host = HostInfo::default();
    let error =
        Driven::create::<Odd>(&CreateRequest { settings: json!({ "mod": "x" }), host }).err().unwrap();
    assert_eq!(error.code(), code::BAD_SETTINGS);
    assert!(error.message().contains("`mod`"), "{error}");
    assert_eq!(Driven::create_from::<Odd>(b"").err().unwrap().code(), code::PROTOCOL);
}

#[test]
fn waiting_for_anything_but_the_host_is_stuck() {
    assert_eq!(step(&mut begin("stuck"), vec![]).state, state::STUCK);
    let mut later = begin("stuck after a request");
    let answer = step(&mut later, vec![]);
    assert_eq!(answer.state, state::PENDING);
    assert_eq!(step(&mut later, vec![ok(answer.requests[0].id, 200)]).state, state::STUCK);
    fails(&step(&mut later, vec![]), code::PROTOCOL, "is over");
}

#[test]
fn an_operation_that_is_over_is_not_polled_again() {
    let mut operation = begin("plain");
    assert_eq!(redirected(&step(&mut operation, vec![])), "https://idp.example");
    fails(&step(&mut operation, vec![]), code::PROTOCOL, "is over");
}

#[test]
fn at_most_eight_requests_are_open_and_the_rest_wait() {
    let mut operation = begin("twenty");
    let mut open: Vec<u32> = Vec::new();
    let mut seen = 0;
    let mut answers = Vec::new();
    loop {
        let answer = step(&mut operation, std::mem::take(&mut answers));
        if answer.state == state::DONE {
            assert_eq!(redirected(&answer), "4000");
            break;
        }
        seen += answer.requests.len();
        open.extend(answer.requests.iter().map(|r| r.id));
        assert!(open.len() <= MAX_OPEN_REQUESTS);
        // The newest first: order does not matter.
        answers = vec![ok(open.pop().unwrap(), 200)];
    }
    assert_eq!(seen, 20);
}

#[test]
fn a_combinator_with_wakers_of_its_own_gets_every_answer() {
    let mut operation = begin("only woken");
    let mut answer = step(&mut operation, Vec::new());
    let mut steps = 0;
    while answer.state == state::PENDING {
        let answers = answer.requests.iter().map(|r| ok(r.id, 200)).collect();
        answer = step(&mut operation, answers);
        steps += 1;
        assert!(steps < 30, "it is stuck");
    }
    assert_eq!(redirected(&answer), "4000");
}

#[test]
fn a_panic_of_a_waker_is_the_error_of_that_step() {
    let mut operation = begin("panic in a waker");
    let asked = step(&mut operation, Vec::new());
    let answer = step(&mut operation, vec![ok(asked.requests[0].id, 200)]);
    fails(&answer, code::PANIC, "woken");
}

#[test]
fn the_answer_to_an_abandoned_request_falls() {
    let mut operation = begin("abandon");
    let first = step(&mut operation, vec![]);
    let ids: Vec<u32> = first.requests.iter().map(|r| r.id).collect();
    assert_eq!(ids.len(), 2);
    let third = step(&mut operation, vec![ok(ids[1], 200)]).requests;
    assert_eq!(third.len(), 1);
    assert_eq!(step(&mut operation, vec![ok(ids[0], 500)]).state, state::PENDING);
    assert_eq!(redirected(&step(&mut operation, vec![ok(third[0].id, 204)])), "204");
}

#[test]
fn abandoned_requests_keep_others_waiting_but_not_for_ever() {
    let mut operation = begin("abandon eight");
    let mut open = Vec::new();
    for _ in 0..MAX_OPEN_REQUESTS {
        open.extend(step(&mut operation, vec![]).requests.into_iter().map(|r| r.id));
    }
    assert_eq!(open.len(), MAX_OPEN_REQUESTS);
    let full = step(&mut operation, vec![]);
    assert_eq!((full.state.as_str(), full.requests.len()), (state::PENDING, 0));
    let last = step(&mut operation, vec![ok(open[3], 200)]).requests;
    assert_eq!(redirected(&step(&mut operation, vec![ok(last[0].id, 204)])), "204");
}

#[test]
fn more_requests_than_an_operation_may_make_fail_in_it() {
    let mut operation = begin("many");
    let mut answer = step(&mut operation, vec![]);
    let mut made = 0;
    while answer.state == state::PENDING {
        made += answer.requests.len();
        answer = step(&mut operation, answer.requests.iter().map(|r| ok(r.id, 200)).collect());
    }
    assert_eq!(made, MAX_REQUESTS);
    fails(&answer, code::FORBIDDEN, "32 requests");
}

#[test]
fn what_is_over_a_limit_fails_where_it_was_made() {
    fails(&step(&mut begin("huge result"), vec![]), code::PROTOCOL, "over the limit");
    fails(&step(&mut begin("huge request"), vec![]), code::BAD_ANSWER, "over the limit");
    let mut head = begin("huge head");
    fails(&step(&mut head, vec![]), code::PROTOCOL, "over the limit");
    fails(&step(&mut head, vec![]), code::PROTOCOL, "is over");
}

#[test]
fn the_log_is_capped_and_of_single_lines() {
    let answer = step(&mut begin("chatty"), vec![]);
    assert_eq!(answer.log.len(), 32);
    assert!(answer.log[0].message.starts_with("line 0 x"));
    assert_eq!(answer.log[0].message.len(), 1024);
}

#[test]
fn answers_that_answer_nothing_are_let_go() {
    let mut operation = begin("ask");
    let id = step(&mut operation, vec![]).requests[0].id;
    let answer = step(&mut operation, vec![ok(id + 7, 500), ok(id, 200), ok(id, 500)]);
    assert_eq!(redirected(&answer), "200");
    assert_eq!(answer.log.len(), 2, "{:?}", answer.log);
}

#[test]
fn answers_that_break_the_protocol_fail_their_request() {
    for (response, why) in [
        (None, "neither"),
        (Some(json!({})), "no HTTP response"),
        (Some(json!({ "status": 200, "body": 3 })), "attachment 3"),
        (Some(json!({ "status": -1 })), "no HTTP response"),
    ] {
        let mut operation = begin("ask");
        let id = step(&mut operation, vec![]).requests[0].id;
        fails(&step(&mut operation, vec![Answer { id, response, error: None }]), code::PROTOCOL, why);
    }
}

#[test]
fn a_failure_of_the_host_keeps_its_code_and_wait() {
    let mut operation = begin("ask");
    let id = step(&mut operation, vec![]).requests[0].id;
    let error = serde_json::from_value(json!({ "code": 977, "message": "odd", "retry_after_s": 3 })).unwrap();
    let answer = step(&mut operation, vec![Answer { id, response: None, error: Some(error) }]);
    fails(&answer, 977, "GET https://idp.example/1: odd");
    assert_eq!(answer.error.unwrap().retry_after_s, Some(3));
}

#[test]
fn messages_that_are_none_are_failures_of_the_protocol() {
    let provider = create("plain").unwrap();
    for bytes in [&b""[..], b"\xff\xff\xff\xff\0\0\0\0", &Message::new(&json!([])).unwrap().encode().unwrap()]
    {
        let mut operation = provider.start_from(bytes);
        fails(&step(&mut operation, vec![]), code::PROTOCOL, "");
    }
    let mut broken = begin("plain");
    fails(&broken.step_from(b"nonsense").unwrap().0, code::PROTOCOL, "bytes");
    for entropy in ["", "0", &"0f".repeat(31), &"zz".repeat(32), &"0f".repeat(33)] {
        let start = StartRequest { entropy: entropy.to_owned(), ..request("inspect", Value::Null) };
        fails(&step(&mut provider.start(&start).unwrap(), vec![]), code::PROTOCOL, "64 hexadecimal digits");
    }
    for (operation, fault) in
        [("begin", code::PROTOCOL), ("complete", code::PROTOCOL), ("refresh", code::UNSUPPORTED)]
    {
        let mut operation = provider.start(&request(operation, json!({}))).unwrap();
        fails(&step(&mut operation, vec![]), fault, "");
    }
}

#[test]
fn an_operation_outlives_its_provider() {
    let before = DROPPED.with(|d| d.load(Ordering::SeqCst));
    let dropped = || DROPPED.with(|d| d.load(Ordering::SeqCst)) - before;
    let mut operation = begin("ask");
    assert_eq!(dropped(), 0);
    let id = step(&mut operation, vec![]).requests[0].id;
    assert_eq!(redirected(&step(&mut operation, vec![ok(id, 201)])), "201");
    drop(operation);
    assert_eq!(dropped(), 1);
    drop(begin("ask"));
    assert_eq!(dropped(), 2);
}

#[test]
fn time_and_randomness_come_from_the_start() {
    let drawn = |entropy: &str| {
        let start = json!({ "redirect_uri": "https://login.example/", "state": "s" });
        let start = StartRequest { entropy: entropy.repeat(32), ..request("begin", start) };
        let mut operation = create("draw").unwrap().start(&start).unwrap();
        redirected(&step(&mut operation, vec![])).to_owned()
    };
    let one = drawn("0f");
    assert_eq!(one, drawn("0F"));
    assert_ne!(one, drawn("1f"));
    assert!(one.ends_with(" 5 true"), "{one}");
    let (first, second) = one.split_once("], [").unwrap();
    assert_ne!(first.trim_start_matches("[["), second.split_once("]]").unwrap().0);
}

#[test]
fn bodies_travel_as_attachments() {
    struct Echo;
    impl Provider for Echo {
        const NAME: &'static str = "echo";
        type Config = Config;
        fn configure(_: Config) -> Result<Self> {
            Ok(Self)
        }
        fn inspect(&self) -> Inspect {
            Inspect::new(&Realm::new(&Url::parse("https://idp.example").unwrap()).unwrap())
        }
        async fn begin(&self, _: &Host, _: BeginRequest) -> Result<Begin> {
            Err(Error::denied())
        }
        async fn complete(&self, host: &Host, _: Callback) -> Result<Completed> {
            let bodies = [&b"\0\xff"[..], b"", b"three"];
            let sent = bodies.map(|b| host.send(Request::post("https://idp.example/").body(b)));
            let got: Vec<Response> = all(sent).await.into_iter().collect::<Result<_>>()?;
            let got: Vec<_> = got.iter().map(|r| format!("{:?}", r.body_bytes())).collect();
            Ok(UserInfo::new(got.join(" ")).into())
        }
    }
    let settings = CreateRequest { settings: json!({ "mode": "" }), host: HostInfo::default() };
    let provider = Driven::create::<Echo>(&settings).unwrap();
    let complete = request("complete", json!({ "params": {}, "redirect_uri": "https://login.example/" }));
    let mut operation = provider.start(&complete).unwrap();
    let (answer, mut message) = operation.step(&Message::new(&StepRequest::default()).unwrap()).unwrap();
    assert_eq!(message.attachment_count(), 2);
    let mut attachments = Attachments::new();
    // Answered in the reverse order, each with its own body doubled.
    let answers = answer.requests.iter().rev().map(|r| {
        let number = r.arguments.get("body").and_then(Value::as_u64).map(|n| u32::try_from(n).unwrap());
        let body = number.map(|n| message.take_attachment(n).unwrap().repeat(2)).unwrap_or_default();
        let response = HttpResponse { status: 200, headers: Vec::new(), body: attachments.push(body) };
        Answer { id: r.id, response: Some(serde_json::to_value(response).unwrap()), error: None }
    });
    let answers = StepRequest { answers: answers.collect() };
    let (answer, _) = operation.step(&attachments.message(&answers).unwrap()).unwrap();
    let id = answer.result.unwrap()["account"]["account_id"].clone();
    assert_eq!(id, format!("{:?} [] {:?}", b"\0\xff\0\xff", b"threethree"));
}
