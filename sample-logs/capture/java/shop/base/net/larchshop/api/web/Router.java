package net.larchshop.api.web;

import jakarta.servlet.http.HttpServletRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.MDC;

public final class Router {
    public interface Handler {
        Reply handle(HttpServletRequest request, String[] path) throws Exception;
    }

    private static final class Route {
        String method;
        String template;
        String module;
        Pattern pattern;
        Handler handler;
    }

    private final List<Route> routes = new ArrayList<>();

    public Router on(String method, String template, String module, Handler handler) {
        Route route = new Route();
        route.method = method;
        route.template = template;
        route.module = module;
        route.pattern = Pattern.compile(template.replaceAll("\\{[a-z]+\\}", "([^/]+)"));
        route.handler = handler;
        routes.add(route);
        return this;
    }

    public Reply dispatch(HttpServletRequest request) throws Exception {
        for (Route route : routes) {
            Matcher matcher = route.pattern.matcher(request.getRequestURI());
            if (route.method.equals(request.getMethod()) && matcher.matches()) {
                String[] path = new String[matcher.groupCount()];
                for (int i = 0; i < path.length; i++) {
                    path[i] = matcher.group(i + 1);
                }
                MDC.put("route", route.method + " " + route.template);
                MDC.put("module", route.module);
                return route.handler.handle(request, path);
            }
        }
        return new Reply(404, "{\"error\":\"no such page\"}");
    }
}
