\echo Use "CREATE EXTENSION medallion CASCADE" to load this file. \quit

