/** Slots of one link: more than one upstream answers at once, and few enough that one link cannot hold a hub up. */
export const MOST_INSTANCE_SLOTS = 256;

/** A link that has not said hello by then is ended, ms. */
export const HELLO_MS = 5_000;

/** A request whose link was lost is kept at least so long, ms, however short the lease of its group is. */
export const LEAST_AWAY_MS = 1_000;
