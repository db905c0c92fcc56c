export { freePort } from '../../router-core/runtime/free-port.ts';
