//! `vestibule provider test`: what can be tried without a person.

use serde_json::json;

use super::{Answer, Failure};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::name::ProviderName;
use crate::reach::Host;
use crate::startup::Ambient;
use crate::startup::check::alone;

/// A token's times are checked to the minute: more than this is worth a word.
const SKEW: i64 = 30;

pub(super) async fn test(config: &Config, name: &ProviderName) -> Result<Answer, Failure> {
    let ambient = Ambient::system();
    let running = alone(config, &ambient, name).await?;
    let provider = &running.provider;
    let (mut lines, mut is_bad, mut hosts) = (Vec::new(), false, Vec::new());
    let mut say = |is_fine: bool, line: String| {
        is_bad |= !is_fine;
        lines.push(format!("{:<5}  {line}", if is_fine { "ok" } else { "error" }));
    };
    let inspected = provider.inspect();
    if let Some(issuer) = inspected.metadata_issuer() {
        match provider.issuer().await {
            Ok(_) => say(true, format!("the metadata of {issuer} is there and fits")),
            Err(error) => say(false, error.to_string()),
        }
    }
    for host in &inspected.reach().hosts {
        let Host::Origin(origin) = host else { continue };
        let asked = provider.probe(origin).await;
        let skew = asked.as_ref().ok().and_then(|(_, date)| skew(date.as_deref()?, &ambient));
        match &asked {
            Ok((status, _)) => say(true, format!("{origin} answers (status {status})")),
            Err(why) if why.starts_with(origin.as_str()) => say(false, why.clone()),
            Err(why) => say(false, format!("{origin}: {why}")),
        }
        match skew {
            Some(skew) if skew.abs() > SKEW => say(
                false,
                format!("the clock of {origin} is {skew} s from this machine's; set this one by NTP"),
            ),
            _ => {}
        }
        hosts.push(json!({"origin": origin, "status": asked.as_ref().ok().map(|(status, _)| status),
            "error": asked.as_ref().err(), "skew_seconds": skew}));
    }
    lines.push(format!("the redirect URI to register: {}", running.redirect_uri));
    let json = json!({"provider": name, "redirect_uri": running.redirect_uri, "hosts": hosts, "ok": !is_bad});
    Ok(Answer { lines, json, code: if is_bad { ExitCode::Other } else { ExitCode::Fine } })
}

/// How many seconds the other clock is ahead (RFC 9110 §6.6.1: the header has whole seconds).
fn skew(date: &str, ambient: &Ambient) -> Option<i64> {
    let there = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    Some(there - ambient.clock.now().as_micros().div_euclid(1_000_000))
}
