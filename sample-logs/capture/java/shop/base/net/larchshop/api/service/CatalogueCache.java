package net.larchshop.api.service;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import net.larchshop.api.dao.ProductDao;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Products and searches; kept in memory when the catalogue is cached, else read from the database every time. */
public final class CatalogueCache {
    private static final Logger log = LoggerFactory.getLogger(CatalogueCache.class);
    private final ProductDao products;
    private final boolean cached;
    private final Map<String, Object> entries = new ConcurrentHashMap<>();
    private final AtomicLong hits = new AtomicLong();
    private final AtomicLong misses = new AtomicLong();

    public CatalogueCache(ProductDao products, boolean cached) {
        this.products = products;
        this.cached = cached;
    }

    public Object[] product(int id) throws SQLException {
        return (Object[]) get("p" + id, () -> products.find(id));
    }

    @SuppressWarnings("unchecked")
    public List<Object[]> search(String words) throws SQLException {
        return (List<Object[]>) get("s" + words, () -> products.search(words));
    }

    public int stock(String sku) throws SQLException {
        return products.stock(sku);
    }

    public List<Object[]> reviews(int id) throws SQLException {
        return products.reviews(id);
    }

    public int clear() {
        int size = entries.size();
        entries.clear();
        log.info("catalogue cache cleared, {} entries dropped", size);
        return size;
    }

    public void logStatistics(int everySeconds) {
        if (!cached || everySeconds <= 0) {
            return;
        }
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "cache-statistics");
            thread.setDaemon(true);
            return thread;
        });
        timer.scheduleAtFixedRate(() -> {
            long hit = hits.getAndSet(0);
            long miss = misses.getAndSet(0);
            log.info("catalogue cache: entries={} hits={} misses={} ratio={}", entries.size(), hit, miss,
                    String.format("%.3f", hit / (double) Math.max(1, hit + miss)));
        }, everySeconds, everySeconds, TimeUnit.SECONDS);
    }

    private Object get(String key, Loader loader) throws SQLException {
        Object value = cached ? entries.get(key) : null;
        if (value != null) {
            hits.incrementAndGet();
            return value;
        }
        misses.incrementAndGet();
        value = loader.load();
        if (cached && value != null) {
            entries.put(key, value);
        }
        return value;
    }

    private interface Loader {
        Object load() throws SQLException;
    }
}
