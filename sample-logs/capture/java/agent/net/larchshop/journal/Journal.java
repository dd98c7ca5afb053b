package net.larchshop.journal;

import java.io.FileWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.sql.Connection;
import java.util.stream.Collectors;
import org.slf4j.MDC;

/** One JSON line for every event. */
public final class Journal {
    private static PrintWriter out;

    private Journal() { }

    static void open(String file) {
        try {
            out = new PrintWriter(new FileWriter(file, true), true);
        } catch (IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public static void write(String event, Object connection, boolean withStack) {
        String name = "";
        int pid = 0;
        try {
            if (connection != null) {
                Object physical = ((Connection) connection).unwrap(Class.forName("org.postgresql.jdbc.PgConnection"));
                name = physical.getClass().getName() + "@" + Integer.toHexString(System.identityHashCode(physical));
                pid = (Integer) physical.getClass().getMethod("getBackendPID").invoke(physical);
            }
        } catch (Exception unknown) {
            name = "?" + unknown.getClass().getSimpleName();
        }
        String stack = !withStack ? "" : StackWalker.getInstance().walk(frames -> frames
                .filter(frame -> frame.getClassName().startsWith("net.larchshop.api."))
                .map(frame -> "\"" + frame.getClassName() + "." + frame.getMethodName() + "(" + frame.getFileName() + ":"
                        + frame.getLineNumber() + ")\"").collect(Collectors.joining(",")));
        String line = "{\"t\":" + System.currentTimeMillis() + ",\"event\":\"" + event + "\",\"connection\":\"" + name
                + "\",\"pg_pid\":" + pid + ",\"jvm\":" + ProcessHandle.current().pid() + ",\"thread\":\"" + Thread.currentThread().getName()
                + "\",\"request\":\"" + MDC.get("request") + "\",\"route\":\"" + MDC.get("route") + "\",\"client\":\"" + MDC.get("client")
                + "\",\"stack\":[" + stack + "]}";
        synchronized (out) {
            out.println(line);
        }
    }
}
