// Loaded into a hub by NODE_OPTIONS: hubs of one machine are one to a linked agent, so each says that its machine has the name TEST_HOST.
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

const { TEST_HOST } = process.env;

if (TEST_HOST !== undefined) {
  os.hostname = () => TEST_HOST;
  syncBuiltinESMExports();
}
