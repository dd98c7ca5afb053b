package net.larchshop.journal;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import java.lang.instrument.Instrumentation;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.type.TypeDescription;

/**
 * Writes down, beside the application and unknown to it, every borrow, return, connect and close, for truth.json.
 * The advice is copied into the pool's and the driver's own methods, so no frame of it shows in a stack of the logs.
 */
public final class JournalAgent {
    public static void premain(String file, Instrumentation instrumentation) {
        Journal.open(file);
        new AgentBuilder.Default()
                .type(named("com.zaxxer.hikari.pool.HikariPool")).transform((builder, type, loader, module, domain) ->
                        builder.visit(Advice.to(Borrow.class).on(named("getConnection").and(takesArguments(long.class)))))
                .type(named("com.zaxxer.hikari.pool.ProxyConnection")).transform((builder, type, loader, module, domain) ->
                        builder.visit(Advice.to(Return.class).on(named("close").and(takesArguments(0)))))
                .type(named("org.postgresql.Driver")).transform((builder, type, loader, module, domain) ->
                        builder.visit(Advice.to(Connect.class).on(named("connect"))))
                .type(named("org.postgresql.jdbc.PgConnection")).transform((builder, type, loader, module, domain) ->
                        builder.visit(Advice.to(Close.class).on(named("close").and(takesArguments(0)))))
                .installOn(instrumentation);
    }

    public static final class Borrow {
        @Advice.OnMethodExit(onThrowable = Throwable.class)
        public static void exit(@Advice.Return Object connection, @Advice.Thrown Throwable failure) {
            Journal.write(failure == null ? "borrow" : "borrow_failed", connection, true);
        }
    }

    public static final class Return {
        @Advice.OnMethodEnter
        public static void enter(@Advice.FieldValue("delegate") Object delegate) {
            if (delegate.getClass().getName().startsWith("org.postgresql")) {
                Journal.write("return", delegate, false);
            }
        }
    }

    public static final class Connect {
        @Advice.OnMethodExit(onThrowable = Throwable.class)
        public static void exit(@Advice.Return Object connection, @Advice.Thrown Throwable failure) {
            Journal.write(failure == null ? "connect" : "connect_failed", connection, true);
        }
    }

    public static final class Close {
        @Advice.OnMethodEnter
        public static void enter(@Advice.This Object connection) {
            Journal.write("close", connection, false);
        }
    }
}
