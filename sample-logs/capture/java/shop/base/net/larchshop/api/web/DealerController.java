package net.larchshop.api.web;

import jakarta.servlet.http.HttpServletRequest;
import java.sql.SQLException;
import net.larchshop.api.dao.DealerDao;

/** Pages for dealers: prices by contract, which the database works out. */
public final class DealerController {
    private final DealerDao dealers;

    public DealerController(DealerDao dealers) {
        this.dealers = dealers;
    }

    public Router addTo(Router router) {
        return router
                .on("GET", "/api/dealers/{id}/quotes/{product}", "dealers", this::quote)
                .on("GET", "/api/dealers/{id}/contracts", "dealers", this::contracts);
    }

    Reply quote(HttpServletRequest request, String[] path) throws SQLException {
        return Reply.found(dealers.quote(Integer.parseInt(path[0]), Integer.parseInt(path[1])));
    }

    Reply contracts(HttpServletRequest request, String[] path) throws SQLException {
        return new Reply(200, Reply.json(dealers.contracts(Integer.parseInt(path[0]))));
    }
}
