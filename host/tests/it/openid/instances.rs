//! Two instances of one plugin at once, each with its own accounts.

use std::time::Duration;

use vestibule_demo_idp::{DemoIdp, Options, Personality};

use super::rig::{plugin, provider, register, signed_in, walk};
use crate::database::everywhere;
use crate::world::{Plan, START};

async fn gitlab(base_path: &str) -> DemoIdp {
    let mut options = Options::of(Personality::GitLab);
    options.openid.base_path = base_path.to_owned();
    let idp = DemoIdp::start(options).await.unwrap();
    idp.stop_clock_at(Duration::from_micros(START.as_micros().unsigned_abs()));
    idp
}

everywhere! {
    async fn two_gitlabs_have_a_table_each_and_one_user_number_is_two_people(place) {
        let (com, corp) = (gitlab("").await, gitlab("/gitlab").await);
        let sections = plugin("gitlab")
            + &provider("gitlab_com", "gitlab", &com, "")
            + &provider("gitlab_corp", "gitlab", &corp, "allowed_groups = [\"acme\"]");
        let world = Plan { sections, ..Plan::on(place) }.start().await;
        register(&world, &com, "gitlab_com");
        register(&world, &corp, "gitlab_corp");

        signed_in(walk(&world, "gitlab_com", "octavia").await);
        signed_in(walk(&world, "gitlab_corp", "octavia").await);
        signed_in(walk(&world, "gitlab_com", "octavia").await);
        // A rule of one is none of the other.
        signed_in(walk(&world, "gitlab_com", "noor").await);
        let refused = walk(&world, "gitlab_corp", "noor").await;
        assert!(matches!(&refused, super::rig::Reached::End(end) if end.status == 403), "{refused:?}");

        let database = world.database().await;
        let accounts: Vec<(String, i64)> =
            database.rows("SELECT account_id, user_id FROM oauth_gitlab_com ORDER BY account_id").await;
        let theirs: Vec<(String, i64)> = database.rows("SELECT account_id, user_id FROM oauth_gitlab_corp").await;
        assert_eq!(accounts.len(), 2);
        assert_eq!(theirs.len(), 1);
        let octavia = accounts.iter().find(|account| account.0 == "583231").unwrap();
        assert_eq!(theirs[0].0, "583231");
        assert_ne!(octavia.1, theirs[0].1, "number 583231 of one instance is somebody else at the other");
        let realms: Vec<String> = database
            .values("SELECT realm FROM providers WHERE name IN ('gitlab_com', 'gitlab_corp') ORDER BY name")
            .await;
        assert_eq!(realms, [format!("{};id=sub", com.base_url()), format!("{};id=sub", corp.base_url())]);
    }
}
