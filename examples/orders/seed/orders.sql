CREATE TABLE orders (
    id uuid PRIMARY KEY,
    item text NOT NULL,
    price int NOT NULL,
    state text NOT NULL
);

INSERT INTO orders VALUES ('00000000-0000-0000-0000-000000000001', 'cup', 3, 'shipped');
