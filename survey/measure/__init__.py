"""The measures: plain values in, plain values out. No Flask, database, clock or network here."""
