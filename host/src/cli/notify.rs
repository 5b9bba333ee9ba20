//! What the service manager is told of this process, if it asked for it. Knows nothing of what the states mean to the server.
//! In this version nobody is told anything.

/// Requests are answered: after the start, and again after a reload, however that ended. `status` is one line.
pub(super) fn ready(status: &str) {
    let _ = status;
}

/// A reload has begun; [`ready`] follows.
pub(super) fn reloading() {}

/// No new connections are taken from here on. `status` says what is waited for.
pub(super) fn stopping(status: &str) {
    let _ = status;
}

/// What it does right now, one line.
pub(super) fn status(status: &str) {
    let _ = status;
}
