//! The id of the request that is being answered, for whatever writes something down about it far from the handler.
//!
//! It follows the task. Work that goes on in a task of its own takes it along with [`within`].

tokio::task_local! {
    static ID: String;
}

/// Runs a future on behalf of this request.
pub(crate) async fn within<T>(id: Option<String>, work: impl Future<Output = T>) -> T {
    match id {
        Some(id) => ID.scope(id, work).await,
        None => work.await,
    }
}

/// The request's id; none where nobody asked.
pub(crate) fn current() -> Option<String> {
    ID.try_with(Clone::clone).ok()
}
