//! JVM traces: `\tat [loader/][module@version/]pkg.Class.method(File.java:30) ~[jar:version]`, innermost first.

use super::{Frame, Language, Read, Reader, begins, holds};
use crate::prim::jvm;
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Java, reversed: false, last_block: false, read };

/// Packages of the platform, of frameworks, drivers and pools.
const LIBRARIES: &[&str] = &[
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "com.oracle.",
    "oracle.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "groovyx.",
    "clojure.",
    "org.codehaus.",
    "org.springframework.",
    "org.hibernate.",
    "org.apache.",
    "com.zaxxer.",
    "com.mchange.",
    "com.alibaba.druid.",
    "io.agroal.",
    "io.quarkus.",
    "io.smallrye.",
    "io.micronaut.",
    "io.vertx.",
    "io.netty.",
    "io.undertow.",
    "io.ktor.",
    "io.helidon.",
    "io.dropwizard.",
    "reactor.",
    "rx.",
    "io.reactivex.",
    "io.micrometer.",
    "io.opentelemetry.",
    "io.opentracing.",
    "datadog.",
    "com.newrelic.",
    "co.elastic.",
    "brave.",
    "zipkin2.",
    "org.jooq.",
    "org.mybatis.",
    "com.baomidou.",
    "org.jdbi.",
    "com.querydsl.",
    "slick.",
    "doobie.",
    "zio.",
    "cats.",
    "fs2.",
    "org.postgresql.",
    "com.mysql.",
    "org.mariadb.",
    "com.microsoft.sqlserver.",
    "com.ibm.db2.",
    "com.ibm.ws.",
    "com.ibm.ejs.",
    "org.h2.",
    "org.hsqldb.",
    "com.mongodb.",
    "com.datastax.",
    "redis.clients.",
    "io.lettuce.",
    "org.redisson.",
    "net.ttddyy.",
    "com.p6spy.",
    "org.jboss.",
    "org.wildfly.",
    "org.eclipse.",
    "org.glassfish.",
    "weblogic.",
    "ch.qos.",
    "org.slf4j.",
    "org.log4j.",
    "akka.",
    "play.",
    "org.aspectj.",
    "org.aopalliance.",
    "javassist.",
    "net.bytebuddy.",
    "net.sf.cglib.",
    "com.google.common.",
    "com.google.inject.",
    "com.google.gson.",
    "com.google.protobuf.",
    "com.fasterxml.",
    "org.junit.",
    "junit.",
    "org.testng.",
    "org.mockito.",
    "org.gradle.",
    "com.netflix.",
    "feign.",
    "okhttp3.",
    "okio.",
    "retrofit2.",
    "io.grpc.",
    "software.amazon.",
    "com.amazonaws.",
    "io.github.resilience4j.",
    "dev.failsafe.",
    "org.quartz.",
    "org.flywaydb.",
    "liquibase.",
    "org.thymeleaf.",
    "com.codahale.",
    "io.prometheus.",
    "lombok.",
    "org.graalvm.",
    "com.intellij.",
    "spark.",
    "io.javalin.",
    "ratpack.",
    "com.vaadin.",
    "org.keycloak.",
    "org.camunda.",
];

fn read<'a>(line: &'a [u8], _: &'a [u8]) -> Read<'a> {
    let text = line.trim_ascii_start();
    if begins(text, &["Caused by: ", "Suppressed: ", "Wrapped by: ", "ownerThread current state"]) {
        return Read::Break;
    }
    frame(text).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn frame(text: &[u8]) -> Option<(Frame<'_>, bool)> {
    let call = text.strip_prefix(b"at ")?;
    let open = memchr::memchr(b'(', call)?;
    let (name, place) = (call.get(..open)?, call.get(open + 1..)?);
    let place = place.get(..memchr::memchr(b')', place)?)?;
    let (file, line) = super::path_line(place).unwrap_or((place, 0));
    let source = [&b".java"[..], b".kt", b".kts", b".scala", b".groovy", b".clj", b".gsp", b".jsp", b".drl"]
        .iter()
        .any(|t| file.ends_with(t));
    let known = matches!(place, b"Native Method" | b"Unknown Source" | b"<generated>" | b"<unknown>" | b"" | b"Redefined")
        || file == b"SourceFile";
    // .NET writes parameters between the brackets, V8 a path with line and column.
    let dotted = memchr::memchr(b'.', name).is_some() && memchr::memchr3(b' ', b'[', b'`', name).is_none();
    ((source || (known && dotted && !place.is_empty())) && dotted).then_some(())?;
    // `app//`, `java.base@17.0.9/`: class loader and module.
    let name = match memchr::memrchr(b'/', name) {
        Some(at) if !holds(name, &["$$Lambda"]) => name.get(at + 1..)?,
        _ => name,
    };
    let generated = holds(
        name,
        &[
            "$$Lambda",
            "$$FastClass",
            "$$EnhancerBy",
            "$$SpringCGLIB",
            "CGLIB$",
            "$Proxy",
            "$HibernateProxy",
            "$ByteBuddy$",
            "_ClientProxy.",
            "_Subclass.",
            "$accessor$",
            "lambda forms",
        ],
    ) || holds(name, &[".access$"])
        || name.starts_with(b"GeneratedMethodAccessor");
    let library = generated || begins(name, LIBRARIES);
    let file = if source { file } else { b"" };
    Some((Frame { language: Language::Java, function: plain(name), file, line, library: false }, library))
}

/// The name a programmer would give: without lambda numbers, anonymous classes and what compilers make of closures.
fn plain(name: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'$', name).is_none() {
        return Cow::Borrowed(name);
    }
    let Some(dot) = memchr::memrchr(b'.', name) else { return Cow::Borrowed(name) };
    let (class, method) = (name.get(..dot).unwrap_or_default(), name.get(dot + 1..).unwrap_or_default());
    let parts: Vec<&[u8]> = class.split(|b| *b == b'$').collect();
    let numbered = |part: &[u8]| {
        part.is_empty()
            || part.iter().all(u8::is_ascii_digit)
            || part == b"anonfun"
            || part == b"Companion"
            || part == b"lambda"
    };
    // Kotlin puts a suspended function's body into `Outer$function$1.invokeSuspend`; Groovy a closure's into
    // `Outer$_function_closure1.doCall`.
    let mut method = method;
    let mut kept = parts.clone();
    while kept.len() > 1 && kept.last().is_some_and(|p| numbered(p)) {
        kept.pop();
    }
    let closure_body = matches!(
        method,
        b"invoke" | b"invokeSuspend" | b"apply" | b"applyOrElse" | b"doCall" | b"call" | b"run" | b"emit" | b"mcV$sp"
    );
    if kept.len() < parts.len()
        && kept.len() > 1
        && closure_body
        && let Some(last) = kept.last().copied().filter(|p| p.first().is_some_and(u8::is_ascii_lowercase))
    {
        method = last;
        kept.pop();
    } else if let Some(last) = kept.last().copied().filter(|p| kept.len() > 1 && p.starts_with(b"_") && closure_body) {
        method = last.get(1..).and_then(|n| n.get(..memchr::memmem::find(n, b"_closure")?)).unwrap_or(last);
        kept.pop();
    }
    // `lambda$redeem$0`, `$anonfun$redeem$1`, `redeem$lambda$2`, `$deserializeLambda$`.
    let method = match method.strip_prefix(b"lambda$").or_else(|| method.strip_prefix(b"$anonfun$")) {
        Some(rest) => rest.split(|b| *b == b'$').next().filter(|n| !n.is_empty()).unwrap_or(method),
        None => method.get(..memchr::memmem::find(method, b"$lambda").unwrap_or(method.len())).unwrap_or(method),
    };
    let method = method.strip_suffix(b"$default").or_else(|| method.strip_suffix(b"$suspendImpl")).unwrap_or(method);
    let mut out = kept.join(&b'$');
    out.push(b'.');
    out.extend_from_slice(method);
    if out == name { Cow::Borrowed(name) } else { Cow::Owned(out) }
}

/// The first line that heads a JVM trace.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (line, _) in super::lines(text).take(64) {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"Caused by: ").or_else(|| line.strip_prefix(b"Wrapped by: ")).unwrap_or(line);
        if let Some(found) = jvm::exception_head(line) {
            return Some(found);
        }
        if line.starts_with(b"at ") && line.ends_with(b")") {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    const LEAK: &str = "java.lang.Exception: Apparent connection leak detected\n\
        \tat com.zaxxer.hikari.HikariDataSource.getConnection(HikariDataSource.java:128)\n\
        \tat org.springframework.jdbc.datasource.DataSourceUtils.fetchConnection(DataSourceUtils.java:160) ~[spring-jdbc-6.1.jar:6.1]\n\
        \tat com.acme.shop.CouponDao$$SpringCGLIB$$0.redeem(<generated>)\n\
        \tat com.acme.shop.CouponDao.redeem(CouponDao.java:30)\n\
        \tat app//com.acme.shop.Checkout.lambda$place$3(Checkout.java:77)\n\
        \tat java.base/java.lang.Thread.run(Thread.java:1583)\n\
        Caused by: java.lang.IllegalStateException: x\n\
        \tat com.acme.shop.Other.f(Other.java:1)\n\t... 21 more";

    #[test]
    fn the_first_block_is_the_site() {
        assert_eq!(
            shown(LEAK),
            ["com.acme.shop.CouponDao.redeem CouponDao.java:30", "com.acme.shop.Checkout.place Checkout.java:77"]
        );
        assert_eq!(thrown(LEAK), "java.lang.Exception|Apparent connection leak detected");
    }

    #[test]
    fn a_cause_serves_where_the_first_block_has_nothing() {
        let text = "a.B: x\n\tat java.util.X.f(X.java:1)\nCaused by: c.D: y\n\tat com.acme.E.g(E.java:2)";
        assert_eq!(shown(text), ["com.acme.E.g E.java:2"]);
    }

    #[test]
    fn noise_is_taken_off() {
        for (line, want) in [
            ("at com.acme.A$1.run(A.java:5)", "com.acme.A.run A.java:5"),
            ("at com.acme.A$Inner.run(A.java:5)", "com.acme.A$Inner.run A.java:5"),
            ("at com.acme.Svc$load$1.invokeSuspend(Svc.kt:14)", "com.acme.Svc.load Svc.kt:14"),
            ("at com.acme.Svc$load$2$1.invoke(Svc.kt:14)", "com.acme.Svc.load Svc.kt:14"),
            ("at com.acme.Svc$Companion.make(Svc.kt:2)", "com.acme.Svc.make Svc.kt:2"),
            ("at com.acme.Repo$.$anonfun$find$1(Repo.scala:9)", "com.acme.Repo.find Repo.scala:9"),
            ("at com.acme.Svc.load$lambda$3(Svc.kt:8)", "com.acme.Svc.load Svc.kt:8"),
            ("at com.acme.Job$_run_closure1.doCall(Job.groovy:3)", "com.acme.Job.run Job.groovy:3"),
            ("at com.acme.A.<init>(A.java:5)", "com.acme.A.<init> A.java:5"),
            ("at deployment.shop.war//com.acme.A.f(A.java:5)", "com.acme.A.f A.java:5"),
            ("at com.acme.A.f(Unknown Source)", "com.acme.A.f :0"),
        ] {
            assert_eq!(shown(line), [want], "{line}");
        }
        assert!(shown("at com.acme.A$$Lambda$12/0x0000000800c.run(Unknown Source)").is_empty());
        assert!(shown("at jdk.proxy2/$Proxy12.find(Unknown Source)").is_empty());
    }
}
