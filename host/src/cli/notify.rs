//! What the service manager is told of this process, if it asked by `NOTIFY_SOCKET` (`sd_notify(3)`); without one nothing is
//! sent. Knows nothing of what the states mean to the server.
//!
//! A message that cannot be sent is logged, and changes nothing: people sign in whether or not somebody watches.

use sd_notify::NotifyState;

/// Requests are answered: after the start, and again after a reload, however that ended. `status` is one line, as
/// `systemctl status` shows it.
pub(super) fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun. The manager waits for [`ready`], which has to follow; what it starts to wait for is told from an older
/// message by the time in this one (`Type=notify-reload`, systemd 253).
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager cannot be told of the reload"),
    }
}

/// No new connections are taken from here on. `status` says what is waited for.
pub(super) fn stopping(status: &str) {
    send(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// What it does right now, one line.
pub(super) fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
