package net.larchshop.api.web;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import net.larchshop.api.service.ShipmentRejectedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the page for a request and turns failures into replies. */
public final class ApiServlet extends HttpServlet {
    private static final Logger log = LoggerFactory.getLogger(ApiServlet.class);
    private static final boolean STACKS = Boolean.parseBoolean(System.getProperty("shop.log.stacks", "true"));
    private final Router router;

    public ApiServlet(Router router) {
        this.router = router;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Reply reply;
        try {
            reply = router.dispatch(request);
        } catch (ShipmentRejectedException rejected) {
            log.warn("shipment rejected: {}", rejected.getMessage());
            reply = new Reply(422, "{\"error\":\"rejected\"}");
        } catch (SQLTransientConnectionException busy) {
            log.error("{} {} failed: {}", request.getMethod(), request.getRequestURI(), busy.getMessage());
            reply = new Reply(503, "{\"error\":\"try again later\"}");
        } catch (SQLException failure) {
            log.error("{} {} failed: {} (SQLSTATE {})", request.getMethod(), request.getRequestURI(), failure.getMessage(), failure.getSQLState());
            reply = new Reply(500, "{\"error\":\"database error\"}");
        } catch (Exception failure) {
            log.error("{} {} failed: {}", request.getMethod(), request.getRequestURI(), failure.toString(), STACKS ? failure : null);
            reply = new Reply(500, "{\"error\":\"internal error\"}");
        }
        response.setStatus(reply.status);
        response.setContentType("application/json");
        response.getWriter().write(reply.body);
    }
}
