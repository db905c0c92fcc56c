import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { packageVersion } from '../router-core/runtime/package-info.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api } from './endpoint.ts';

const aboutSchema = z
  .object({
    version: z.string().meta({ description: 'The version of this router-api' }),
    publicUrl: z.string().nullable().meta({
      description:
        'Where clients, and agents that dial a hub, reach the hubs; null: --public-url was not given',
    }),
  })
  .meta({ id: 'About', description: 'This installation' });

/** GET /v1/about: what other tools need to know of this installation. */
export function aboutEndpoint(api: Api, { publicUrl }: { publicUrl: string | undefined }): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/about',
    tags: ['status'],
    operationId: 'readAbout',
    summary: 'Read the version and the public address',
    description: 'The version of this router-api, and the address at which the hubs are reached.',
    ...forRole('viewer'),
    responses: { 200: jsonContent(aboutSchema, 'This installation'), ...guardedAnswers() },
  });
  api.openapi(route, (c) => c.json({ version: packageVersion(), publicUrl: publicUrl ?? null }, 200));
}
