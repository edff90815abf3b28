"""Faults made on purpose: what is killed, cut or refused loses nothing."""
