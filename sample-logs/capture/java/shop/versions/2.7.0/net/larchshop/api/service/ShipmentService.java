package net.larchshop.api.service;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import net.larchshop.api.dao.ShipmentDao;

public final class ShipmentService {
    private final DataSource database;
    private final ShipmentDao shipments;

    public ShipmentService(DataSource database, ShipmentDao shipments) {
        this.database = database;
        this.shipments = shipments;
    }

    /** Books a shipment that a partner reports for an order; the two writes are one transaction. */
    public void record(int order, String tracking) throws SQLException {
        Connection connection = database.getConnection();
        requireShippable(order, shipments.orderStatus(connection, order));
        connection.setAutoCommit(false);
        try {
            shipments.insert(connection, order, tracking);
            shipments.markShipped(connection, order);
            connection.commit();
        } catch (SQLException failure) {
            connection.rollback();
            throw failure;
        } finally {
            connection.setAutoCommit(true);
            connection.close();
        }
    }

    private static void requireShippable(int order, String status) {
        if (status == null || status.equals("cancelled")) {
            throw new ShipmentRejectedException("order " + order + " is " + (status == null ? "unknown" : status));
        }
    }
}
