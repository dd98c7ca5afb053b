package net.larchshop.api.service;

/** Asks the bank for the statement of a day. The bank takes its time. */
public final class BankClient {
    private static final long STATEMENT_MILLIS = Long.getLong("shop.bank.millis", 75_000);

    public void statement(String day) {
        try {
            Thread.sleep(STATEMENT_MILLIS);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
