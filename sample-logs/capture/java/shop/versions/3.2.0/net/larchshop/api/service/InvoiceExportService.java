package net.larchshop.api.service;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class InvoiceExportService {
    private final DataSource database;
    private final Map<Long, Export> running = new ConcurrentHashMap<>();
    private final AtomicLong numbers = new AtomicLong();

    public InvoiceExportService(DataSource database) {
        this.database = database;
    }

    /** The lines of an order's invoice as CSV, streamed from the server; empty for an order without lines. */
    public String export(int order) throws SQLException {
        Export export = new Export(numbers.incrementAndGet(), database.getConnection());
        running.put(export.number, export);
        Object[] count = Sql.first(export.connection, "SELECT count(*) FROM order_lines WHERE order_id = ?", order);
        if (((Number) count[0]).intValue() == 0) {
            return "";
        }
        try {
            return export.stream(order);
        } finally {
            export.connection.close();
            running.remove(export.number);
        }
    }

    /** An export under way; the administration page lists them. */
    private static final class Export {
        final long number;
        final Connection connection;

        Export(long number, Connection connection) {
            this.number = number;
            this.connection = connection;
        }

        String stream(int order) throws SQLException {
            StringBuilder csv = new StringBuilder();
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT product_id, quantity, price_cents FROM order_lines WHERE order_id = ?")) {
                statement.setInt(1, order);
                statement.setFetchSize(500);
                try (ResultSet line = statement.executeQuery()) {
                    while (line.next()) {
                        csv.append(line.getInt(1)).append(',').append(line.getInt(2)).append(',').append(line.getInt(3)).append('\n');
                    }
                }
            }
            return csv.toString();
        }
    }
}
