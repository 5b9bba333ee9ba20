//! A plugin for the tests that attacks its host on request. It fills the function table by hand, without the SDK.
//!
//! An order is a place and a deed. The places `initialiser`, `describe` and `create` come too early for settings and
//! parameters: for those the order is written into a copy of the file, over [`ORDER`]. The places `start`, `step` and `drop`
//! are named by the callback's parameters `place` and `deed`, so that the same provider behaves the next time.
//!
//! A deed that neither ends nor hangs finds something out; it is told as the account's id.

mod deeds;
mod frames;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use vestibule_abi as abi;

use abi::message::Message;
use abi::record::StartRequest;
use abi::root::{PrefixTypeTrait as _, RErr, ROk, RResult, RSlice, RVec};
use abi::table::{OperationPtr, ProviderModule, ProviderPtr};

use deeds::Answer;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const NAME: &str = "hostile";

/// How long the mark before the order is.
const MARK: usize = 14;

/// A mark, a place, a space, a deed, and zeros. Tests overwrite what follows the mark.
#[used]
#[unsafe(link_section = ".hostile")]
static ORDER: [u8; 64] = *b"HOSTILE-ORDER:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What an early deed has found out.
static FOUND: Mutex<String> = Mutex::new(String::new());
/// How many operations this process has started: the number of the last one in the host's frames.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// The order in the file, if it is for this place.
fn ordered(place: &str) -> Option<String> {
    // SAFETY: a static can be read. Volatile, since the compiler knows another content than the file has.
    let order = unsafe { std::ptr::read_volatile(&raw const ORDER) };
    let order = String::from_utf8_lossy(&order[MARK..]).into_owned();
    let (at, deed) = order.trim_end_matches('\0').split_once(' ')?;
    (at == place).then(|| deed.to_owned())
}

/// Does what the file orders for this place.
fn obey(place: &str) -> Option<Answer> {
    let answer = deeds::act(&ordered(place)?);
    if let Answer::Found(found) = &answer {
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).clone_from(found);
    }
    Some(answer)
}

extern "C" fn initialise() {
    obey("initialiser");
}

#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = initialise;

struct Operation {
    name: String,
    /// Where `begin` sends the browser.
    url: String,
    place: String,
    deed: String,
    found: Option<Answer>,
}

fn bytes(record: &Value) -> Vec<u8> {
    Message::new(record).and_then(|m| m.encode()).unwrap_or_default()
}

unsafe extern "C" fn describe() -> RVec<u8> {
    match obey("describe") {
        Some(Answer::Raw(raw)) => return raw.into(),
        Some(Answer::Found(_)) | None => {}
    }
    let name = if ordered("describe").is_some_and(|deed| deed == "lie") { "github" } else { NAME };
    bytes(&json!({ "ok": {
        "name": name, "version": VERSION, "operations": ["inspect", "begin", "complete"], "requires": ["http/1"],
        "settings_schema": { "type": "object", "properties": {} },
    } }))
    .into()
}

unsafe extern "C" fn create(_: RSlice<'_, u8>) -> RResult<ProviderPtr, RVec<u8>> {
    match obey("create") {
        Some(Answer::Raw(raw)) => RErr(raw.into()),
        // Nothing is kept in a provider, and the pointer is never followed.
        Some(Answer::Found(_)) | None => ROk(ProviderPtr(std::ptr::dangling())),
    }
}

unsafe extern "C" fn destroy(_: ProviderPtr) {}

unsafe extern "C" fn start(_: ProviderPtr, request: RSlice<'_, u8>) -> OperationPtr {
    STARTED.fetch_add(1, Ordering::SeqCst);
    let request = Message::decode(request.as_slice()).and_then(|m| m.record::<StartRequest>());
    let (name, request) = request.map(|r| (r.operation, r.request)).unwrap_or_default();
    let param = |key: &str| request["params"][key].as_str().unwrap_or_default().to_owned();
    let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
    let encoded: String = text("redirect_uri").bytes().map(|byte| format!("%{byte:02x}")).collect();
    let url = format!("https://hostile.example/?state={}&redirect_uri={encoded}", text("state"));
    let mut operation = Operation { name, url, place: param("place"), deed: param("deed"), found: None };
    if operation.place == "start" {
        operation.found = Some(deeds::act(&operation.deed));
    }
    OperationPtr(Box::into_raw(Box::new(operation)).cast())
}

unsafe extern "C" fn step(operation: OperationPtr, _: RSlice<'_, u8>) -> RVec<u8> {
    // SAFETY: made by `start`, alive until `drop_operation`, and used by one call at a time.
    let operation = unsafe { &mut *operation.0.cast::<Operation>() };
    match operation.name.as_str() {
        "inspect" => bytes(&json!({ "state": "done", "result": {
            "realm": "https://hostile.example", "issuer": { "value": "https://hostile.example", "promised": false },
            "origins": ["https://hostile.example"], "pkce": "off", "nonce": "off", "response_mode": "query",
            "state_in": "authorization_request", "protocol": "oauth2",
        } }))
        .into(),
        "begin" => {
            bytes(&json!({ "state": "done", "result": { "redirect": { "url": operation.url } } })).into()
        }
        _ => operation.complete().into(),
    }
}

unsafe extern "C" fn drop_operation(operation: OperationPtr) {
    // SAFETY: made by `start` with `Box::into_raw`, and given back once.
    let operation = unsafe { Box::from_raw(operation.0.cast::<Operation>()) };
    if operation.place == "drop" {
        deeds::act(&operation.deed);
    }
}

/// An account with this id, as the answer to a step.
pub(crate) fn account(id: &str) -> Vec<u8> {
    bytes(&json!({ "state": "done", "result": { "account": { "account_id": id } } }))
}

impl Operation {
    fn complete(&mut self) -> Vec<u8> {
        let answer = match self.found.take() {
            Some(found) => Some(found),
            None if self.place == "step" => Some(deeds::act(&self.deed)),
            None => None,
        };
        match answer {
            Some(Answer::Raw(raw)) => raw,
            Some(Answer::Found(found)) => account(&found),
            None => {
                let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).clone();
                account(if found.is_empty() { "42" } else { &found })
            }
        }
    }
}

extern "C" fn root() -> abi::root::ModuleResult {
    abi::root::construct(|| {
        ProviderModule { describe, create, destroy, start, step, drop_operation }.leak_into_prefix()
    })
}

#[used]
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
// SAFETY: `root` gives what `construct` made.
static ROOT: abi::root::Library = unsafe { abi::root::library(root) };

#[used]
#[unsafe(link_section = ".vestibule")]
static SECTION: [u8; abi::section::LEN] =
    abi::section::encode(abi::EPOCH, cfg!(panic = "unwind"), NAME, VERSION);
