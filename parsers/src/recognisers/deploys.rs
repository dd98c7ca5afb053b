//! What was put into service, taken back or reconfigured: the moments that outages are compared with.
//!
//! Sources: Capistrano's `revisions.log`; kubectl rollout; Helm; Argo CD and Flux events; Amazon ECS service events;
//! Heroku releases; Flyway, Liquibase and Rails migrations; GitHub and GitLab deployment hooks; and the plain lines that
//! scripts write.
//!
//! ```text
//! deployed shop-api version 2.4.1 (commit 681237b) by ci
//! └ verb   └ subject        │             └ revision
//!                           └ version
//! ```

mod hooks;
mod sentence;
mod tools;

use crate::kind::Kind;
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "deploys",
    about: "deploys, rollbacks, rollouts, migrations and configuration changes",
    spec: "Capistrano, kubectl, Helm, Argo CD, Flux, ECS, Heroku, Flyway, Liquibase, Rails, GitHub and GitLab hooks",
    needles: &[
        "deploy",
        "Deploy",
        "DEPLOY",
        "olled back",
        "olling back",
        "ollback",
        "ollout",
        "olled out",
        "romoted",
        "eleased",
        "elease ",
        "Migrating schema",
        "ChangeSet",
        ": migrat",
        "initiated ",
        "Initiated ",
        "Sync operation",
        "steady state",
        "pgrade",
        "onfiguration reload",
        "onfig reload",
        "onfiguration chang",
        "onfig chang",
    ],
    recognise: |event, _| {
        if event.kind != Kind::Log || !event.stack.is_empty() {
            return false;
        }
        hooks::recognise(event) || tools::recognise(event) || sentence::recognise(event)
    },
    examples: &[
        Example {
            line: "deployed shop-api version 2.4.1 (commit 681237b) by ci",
            shows: &[("kind", "deploy"), ("subject", "shop-api"), ("service.version", "2.4.1"), ("vcs.revision", "681237b")],
        },
        Example {
            line: "rolled back shop-api to version 2.4.0",
            shows: &[("kind", "deploy.rollback"), ("subject", "shop-api"), ("service.version", "2.4.0")],
        },
        Example {
            line: "Branch main (at 1a2b3c4) deployed as release 20261120101520 by alice",
            shows: &[
                ("kind", "deploy"),
                ("subject", "main"),
                ("vcs.revision", "1a2b3c4"),
                ("service.version", "20261120101520"),
                ("time", "2026-11-20T10:15:20Z"),
            ],
        },
        Example {
            line: "deployment \"shop-api\" successfully rolled out",
            shows: &[("kind", "deploy"), ("subject", "shop-api")],
        },
        Example {
            line: "Migrating schema \"public\" to version \"12 - add index\"",
            shows: &[("kind", "config.change"), ("subject", "public"), ("service.version", "12"), ("reason", "migration")],
        },
        Example {
            line: "Release v12 created by user ops@example.com",
            shows: &[("kind", "deploy"), ("service.version", "v12")],
        },
        Example { line: "released 4 locks after deploy freeze", shows: &[("kind", "log"), ("subject", "")] },
        Example { line: "rolled back transaction 7 after deadlock", shows: &[("kind", "log")] },
    ],
};
